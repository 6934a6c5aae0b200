"""What is counted in a system's stream without labels: its profile, and how unusual a window is."""
