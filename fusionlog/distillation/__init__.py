"""Training of the small models: the base release, rounds of teacher and student, calibration, the gate."""
