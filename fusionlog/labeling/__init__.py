"""Labelling proprietary windows: by a large language model, or offline."""
