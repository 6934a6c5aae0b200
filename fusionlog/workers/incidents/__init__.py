"""The incidents role: anomalies of one cause to one record, on a compacted topic that is all the role's state."""
