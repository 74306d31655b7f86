"""From text to vectors: the models, in this process or behind an endpoint."""
