"""Labelled systems on disk: catalogue, sessions, labels, and the time of each line."""
