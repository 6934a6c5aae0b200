"""The canary: a known anomaly and a known normal session that go end to end, and what is seen of them."""
