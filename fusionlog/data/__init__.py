"""Labelled systems on disk: catalogue, sessions, labels, and the timestamps of lines."""
