"""The teacher that needs no language model: label transfer and logistic regression."""
