"""The train role: decides when a target is due, submits its training to Ray, and follows the job."""
