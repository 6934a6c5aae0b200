"""Variants of the methods that take one part away or put another in its place."""
