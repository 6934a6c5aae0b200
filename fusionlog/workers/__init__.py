"""The work of each role (ingest, score, label, explain) on its topics, without Faust; `agents` makes apps of it."""
