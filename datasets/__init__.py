"""Bundled recordings of real servers, and (in `record`) the scripts that made them."""
