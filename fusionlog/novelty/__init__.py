"""Novelty without labels: the profile of a system's stream, and a window's features by it."""
