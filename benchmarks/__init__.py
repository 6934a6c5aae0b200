"""Measurements, each a command that prints a ratio against a baseline of the same run: `python -m benchmarks.parse`."""
