"""Kafka: clients, codecs, tables, the producer, the batch reader, its commit watermark, and the embedded broker."""
