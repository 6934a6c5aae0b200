"""The demo: broker, Ray, workers and a recorded system's lines in one command, and the anomalies that they yield."""
