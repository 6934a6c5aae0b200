"""One system at this moment: its releases, labels, scores, queue of questions, and decisions."""
