"""The demo: one command that runs a broker, Ray and the workers on a recorded system, and shows the anomalies."""
