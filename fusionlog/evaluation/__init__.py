"""The matrix of an evaluation: its tasks, their results, figures and report."""
