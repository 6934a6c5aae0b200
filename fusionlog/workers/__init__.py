"""The work of each role on its topics, without Faust; `agents` wires it."""
