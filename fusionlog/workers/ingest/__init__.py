"""The ingest role: raw partitions to routed windows, every line accounted for."""
