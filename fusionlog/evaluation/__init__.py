"""Evaluation of the methods: the matrix of tasks, their outcomes, figures and report."""
