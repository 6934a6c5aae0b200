"""Logs and metrics of a running process."""
