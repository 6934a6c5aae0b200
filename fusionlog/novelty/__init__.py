"""What is counted of a system without labels, and how novel a window is by it."""
