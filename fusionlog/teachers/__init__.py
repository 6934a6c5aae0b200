"""Teachers, which label windows: their interface, the LLM, offline and recorded ones, and the choice among them."""
