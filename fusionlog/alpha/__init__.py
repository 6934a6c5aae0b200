"""ALPHA (arXiv 2509.05936): cluster, have a teacher judge representatives, propagate, train a detector."""
