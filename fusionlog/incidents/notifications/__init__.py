"""Notifications of incidents: what a target is due, and as which message."""
