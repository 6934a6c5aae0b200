"""What a running process reports of itself: logs and metrics."""
