"""ALPHA (arXiv 2509.05936): cluster windows, label representatives, propagate the labels, train a detector."""
