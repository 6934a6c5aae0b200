"""The knowledge bank of known events, the router that compares windows with it, its threshold tau, and its growth."""
