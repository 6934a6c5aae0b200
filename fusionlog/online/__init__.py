"""One system at this moment: what is known of it, the verdicts on its windows, and what its teacher is asked."""
