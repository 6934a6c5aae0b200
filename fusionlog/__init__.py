"""FusionLog: anomalies in the logs of a system that nobody has labelled."""
