"""Meta-learning over labelled systems without a language model (after arXiv 2601.14336): MAML and prototypes."""
