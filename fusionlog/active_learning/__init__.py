"""Which windows a teacher is asked about: acquisition score, budget, query strategy."""
