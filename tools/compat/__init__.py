"""The words of other systems' clients: how they name operations and arguments, and what they read in an answer."""
