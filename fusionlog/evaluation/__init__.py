"""Labelled data sets, and the figures that are computed from them."""
