"""Training small models: the base, the rounds of teacher and student, calibration, the gate."""
