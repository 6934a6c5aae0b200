"""The methods that `evaluate` compares, each on one fold of one target system."""
