"""Kafka: clients, codecs, tables, the producer, the group consumer, and the embedded broker."""
