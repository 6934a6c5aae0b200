"""The offline teacher, which needs no language model: label transfer and a logistic regression."""
