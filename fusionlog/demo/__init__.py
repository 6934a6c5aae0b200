"""The main job in one command: broker, Ray, workers, a recorded system's lines, and the anomalies that come out."""
