"""What each worker role does with its topics; `agents` wires it."""
