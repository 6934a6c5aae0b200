"""A model to measure with: of the usual size, its weights drawn; how fast it is does not depend on them."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog import releases
from fusionlog.decision import THRESHOLD
from fusionlog.embedding.encoder import NamedEncode, VectorCache
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import BankEvent, Lineage, ModelRelease, Window
from fusionlog.rules import RULES
from fusionlog.settings import DistillSettings
from fusionlog.types import DetectorName


def network(dim: int, detector: DetectorName = "set") -> bytes:
    """A network of the default width over vectors of width `dim`, as ONNX."""
    # Torch weighs 400 MB: a process whose memory is measured must not have it.
    from fusionlog.detector.export import to_onnx
    from fusionlog.detector.set_network import build

    return to_onnx(build(detector, dim, DistillSettings().hidden), dim)


def release_of(
    windows: Sequence[Window], encode: NamedEncode, onnx: bytes, threshold: float = THRESHOLD
) -> ModelRelease:
    """A base release, not signed, with this network; it knows every event of the windows."""
    events = {event.template: event for window in windows for event in window.events}
    bank = [
        BankEvent(system=releases.BASE, template=event.template, text=event.text, probability=0.0)
        for event in events.values()
    ]
    release = ModelRelease(
        system=releases.BASE, version=releases.new_version(0.0, releases.BASE), created=0.0, detector="set",
        encoder=encode.name, onnx=onnx, bank=bank,
        vectors=releases.pack_vectors(VectorCache(encode).vectors(bank)), threshold=threshold, tau=0.8,
        lineage=Lineage(),
    )  # fmt: skip
    return releases.sign(release, None)


def knowledge_of(system: str, windows: Sequence[Window], encode: NamedEncode) -> Knowledge:
    """What a worker knows that has adopted such a release."""
    knowledge = Knowledge(system, encode, rules=RULES["source-only"])
    knowledge.adopt(release_of(windows, encode, network(encode.dim)))
    return knowledge
