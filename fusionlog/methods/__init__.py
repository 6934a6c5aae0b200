"""The methods that `evaluate` compares. Each runs on one fold of one target system."""
