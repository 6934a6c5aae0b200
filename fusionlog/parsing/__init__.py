"""From a raw Kafka record to windows: shipper's envelope, header, masks, Drain3 template, session."""
