"""Explaining anomalies by a large language model: cause, evidence lines, next step."""
