"""Kafka as transport: clients, group consumers, tables. Nothing here knows what a window is."""
