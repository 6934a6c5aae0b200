"""The choice of windows for the teacher: acquisition score, budget, query strategy."""
