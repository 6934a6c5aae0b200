"""How verdicts are recorded: a sheet for a reader who sees no label, and the file made of what the reader says."""
