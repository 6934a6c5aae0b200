"""An anomaly for a person: its evidence beside what is usual, its severity, and its title."""
