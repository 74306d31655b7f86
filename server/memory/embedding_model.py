"""An embedding model, as a value. This imports no numpy: a command that only looks for a model starts at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model, and the identity of a generation of vectors: vectors of unequal models never mix.

    Attributes:
        name: the name that fastembed or the endpoint gives it.
        digest: the SHA-256, in hex, of the weights as they were published; of a model at an endpoint, of the
            endpoint's URL, the model's name and its dimensions.
        dims: the length of a vector; 1 for a cross-encoder, which gives one score.
        max_tokens: the length at which a text is cut, the special tokens included; in characters at an endpoint.
        file: the ONNX file within the model's folder; empty at an endpoint.
    """

    name: str
    digest: str
    dims: int
    max_tokens: int
    file: str
