"""The small model: what it looks at, how it is trained and exported, and how it is run."""
