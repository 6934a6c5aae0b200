"""Meta-learning over labelled systems (after arXiv 2601.14336): MAML and prototypes."""
