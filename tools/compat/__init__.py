"""The words of other systems' clients: their names of operations and arguments, and their answers."""
