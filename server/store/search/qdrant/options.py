"""How a Qdrant server keeps the collections that are made from now on."""

from dataclasses import dataclass
from typing import Literal

from qdrant_client import models

Quantization = Literal["none", "scalar", "binary"]


@dataclass(frozen=True, slots=True)
class CollectionOptions:
    """The options of a new collection.

    Attributes:
        shards: the number of shards; 0: as the server is configured.
        replicas: the number of nodes that have each shard; 0: as the server is configured.
        write_consistency: the number of replicas that must confirm a write; 0: as the server is configured.
        is_on_disk: whether vectors and payloads are on the disk and not in memory.
        quantization: how vectors are shortened in memory.
    """

    shards: int = 0
    replicas: int = 0
    write_consistency: int = 0
    is_on_disk: bool = False
    quantization: Quantization = "none"

    def make_quantization(self) -> models.ScalarQuantization | models.BinaryQuantization | None:
        """Return the quantization of dense vectors. The short vectors are always in memory."""
        match self.quantization:
            case "scalar":
                scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
                return models.ScalarQuantization(scalar=scalar)
            case "binary":
                return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
            case "none":
                return None

    def make_sparse_params(self) -> models.SparseVectorParams:
        """Return the parameters of the text vectors."""
        index = models.SparseIndexParams(on_disk=True) if self.is_on_disk else None
        return models.SparseVectorParams(modifier=models.Modifier.IDF, index=index)
