"""The methods that are compared, and that a system can run under."""
