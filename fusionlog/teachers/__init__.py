"""Labelling windows: the interface of every teacher, and the choice of one."""
