"""What the package carries: recorded labelled systems, and the base release that was trained on all of them."""
