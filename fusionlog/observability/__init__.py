"""Logs, metrics and probes of a running process."""
