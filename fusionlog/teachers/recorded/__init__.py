"""Recorded verdicts of a language model, served as an OpenAI-compatible endpoint."""
