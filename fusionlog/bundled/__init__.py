"""The base release that the package carries, and the command that trains it on the bundled systems."""
