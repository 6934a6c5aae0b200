"""The knowledge bank, the router S = min max cos >= tau over it, and how both grow."""
