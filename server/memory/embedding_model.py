"""An embedding model, as a value. This imports no numpy: a command that only looks for a model starts at once."""

import hashlib
from dataclasses import dataclass

TOKEN_RULE = 1
"""Raise it with every change of the way in which the vectors of tokens are made."""
#: The length of a token's vector.
TOKEN_DIMS = 128
#: The models whose tokens' vectors are kept, too: those at which late interaction was measured, and their likes.
TOKEN_MODELS = frozenset(
    {
        "sentence-transformers/all-MiniLM-L6-v2",
        "BAAI/bge-small-en-v1.5",
        "BAAI/bge-base-en-v1.5",
        "BAAI/bge-large-en-v1.5",
    }
)


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

    @property
    def vectors_digest(self) -> str:
        """The SHA-256, in hex, of all that its vectors depend on."""
        if not self.token_dims:
            return self.digest
        return hashlib.sha256(f"{self.digest} tokens {TOKEN_RULE} {self.token_dims}".encode()).hexdigest()

    @property
    def token_dims(self) -> int:
        """The length of the vectors that it gives for the tokens of a text; 0 if it gives none."""
        return min(TOKEN_DIMS, self.dims) if self.file and self.name in TOKEN_MODELS else 0
