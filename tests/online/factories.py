"""A system that its model was trained on: a failed disk is anomalous, an opened one is not."""

from __future__ import annotations

from typing import Any

from fusionlog import releases
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import ModelRelease
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_release

WORDS = ("failed", "opened", "full")
"""The tests' model takes a vector's first component, this first word, as the event's probability."""
BANK = (("disk failed", 1.0), ("disk opened", 0.0))


def release(system: str = "shop", **fields: Any) -> ModelRelease:
    vectors = releases.pack_vectors(WordEncoder(*WORDS)([text for text, _ in BANK]))
    made = make_release(*BANK, **{"system": system, "onnx": make_onnx(1.0), "vectors": vectors, **fields})
    return releases.sign(made, None)


def knowing(method: MethodName = DEFAULT_METHOD, *adopted: ModelRelease) -> Knowledge:
    """With these releases; default: one of the system."""
    knowledge = Knowledge("shop", WordEncoder(*WORDS), rules=RULES[method])
    for each in adopted or (release(),):
        knowledge.adopt(each)
    return knowledge
