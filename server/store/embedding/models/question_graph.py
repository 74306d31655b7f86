"""A second graph of a model, for questions alone: its weights are whole numbers of one byte.

On a processor that multiplies bytes it embeds a question in a third of the time. Memories keep the vectors of the whole
graph. The cosine of a question's vector and that of the whole graph is 0.99, which changes next to nothing in recall:
R@10 84.9 instead of 85.1, MRR 67.7 instead of 67.5 (30 November 2026; docs/recall.md says how these are measured).
"""

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

from server.memory.embedding_model import Model
from server.store.embedding.models.model_folder import MINILM, open_stage, sync_file

GRAPH = "questions.onnx"
#: The models with which it was measured what questions of bytes find among memories of whole numbers.
MEASURED = frozenset({MINILM})
PROCESSOR = Path("/proc/cpuinfo")
#: What Linux calls the instructions: of x86, and of ARM.
_INSTRUCTIONS = frozenset({"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"})


def make_question_graph(home: Path, model: Model) -> None:
    """Write the graph for questions beside the model's own, if it is to have one and has none yet.

    Raises:
        OSError: the disk refused; nothing was written.
    """
    if model.name not in MEASURED or (home / GRAPH).is_file():
        return
    quantization: Any = import_module("onnxruntime.quantization")  # it is heavy, and few processes need it
    with open_stage(home.parent) as room:
        logging.disable(logging.WARNING)  # it recommends a step that changes nothing in these graphs
        try:
            quantization.quantize_dynamic(
                home / model.file,
                room / GRAPH,
                weight_type=quantization.QuantType.QInt8,
                per_channel=True,  # with one scale for a whole matrix the cosines fall to 0.95
            )
        finally:
            logging.disable(logging.NOTSET)
        sync_file(room / GRAPH)
        (room / GRAPH).rename(home / GRAPH)


def find_question_graph(home: Path, processor: Path = PROCESSOR) -> Path | None:
    """Return the graph for questions; None if there is none, or if it would not be faster on this processor.

    `processor` is Linux's description of it. If there is none, the processor is taken to be slow with bytes.
    """
    graph = home / GRAPH
    if not graph.is_file() or not processor.is_file():
        return None
    return graph if not _INSTRUCTIONS.isdisjoint(processor.read_text(errors="replace").split()) else None
