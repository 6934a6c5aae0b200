"""Ablations: variants of the methods in which one part is removed or replaced."""
