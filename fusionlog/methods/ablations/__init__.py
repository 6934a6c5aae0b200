"""FusionLog with a part changed or left out."""
