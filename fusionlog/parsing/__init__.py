"""From a raw Kafka record to an event: shipper's envelope, header, masks, Drain3 template."""
