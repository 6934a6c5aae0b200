"""Teaching small models: the labelled sources, the rounds of teacher and student, the gate, and the release."""
