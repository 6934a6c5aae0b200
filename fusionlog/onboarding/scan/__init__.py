"""A scan: the incidents of a log file, without Kafka, under the settings that its lines propose."""
