"""Inputs from users, each with what they expect (`case.md`)."""

from pathlib import Path

CASES = Path(__file__).parent
