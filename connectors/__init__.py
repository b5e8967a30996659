"""Built-in connectors, one file each; they enter by the same entry points as everyone's."""
