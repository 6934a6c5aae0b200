"""ALPHA (arXiv 2509.05936): cluster, annotate representatives, propagate, train a detector."""
