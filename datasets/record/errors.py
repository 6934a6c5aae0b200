"""What can go wrong while recording."""


class RecordError(Exception):
    """A recording could not be made; the message names the program, path or setting and what to do."""
