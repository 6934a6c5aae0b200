"""Incidents to notifications of targets."""
