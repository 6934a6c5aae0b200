"""Onboarding: a sample of a system's log is checked against its entry in the systems file, or an entry is proposed."""
