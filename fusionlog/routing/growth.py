"""The bank of a new release: the parent's events and every labelled event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from fusionlog import releases
from fusionlog.embedding.encoder import VectorCache
from fusionlog.records import BankEvent, ModelRelease, PseudoLabel
from fusionlog.routing.bank import Bank


def labelled_events(labels: Sequence[PseudoLabel]) -> list[BankEvent]:
    """Every event of the labels once, with the mean of its probabilities."""
    verdicts: dict[str, list[float]] = defaultdict(list)
    first: dict[str, BankEvent] = {}
    for label in labels:
        for event in label.events:
            verdicts[event.template].append(event.probability)
            known = BankEvent(system=label.system, template=event.template, text=event.text, probability=0.0)
            first.setdefault(event.template, known)
    return [
        BankEvent(system=event.system, template=event.template, text=event.text, probability=_mean(verdicts[template]))
        for template, event in first.items()
    ]


def grown(
    parent: ModelRelease, labels: Sequence[PseudoLabel], cache: VectorCache, revoked: Sequence[PseudoLabel] = ()
) -> Bank:
    """The parent's bank with the labelled events; a newer verdict on an event of the system replaces the older.

    :param revoked: revoked labels: an event that the parent learned from them alone leaves the bank.
    """
    new = labelled_events(labels)
    replaced = {(event.system, event.template) for event in new}
    replaced |= {(label.system, event.template) for label in revoked if label.revoked for event in label.revoked.events}
    kept = [place for place, event in enumerate(parent.bank) if (event.system, event.template) not in replaced]
    vectors = releases.bank_vectors(parent)[kept]
    if new:
        vectors = np.concatenate([vectors, cache.vectors(new)])
    events = (*(parent.bank[place] for place in kept), *new)
    return Bank(events, vectors, np.ones(len(events), dtype=np.bool_))


def of_system(bank: Bank, system: str) -> Bank:
    """The bank's events of one system: the bank of a model that has forgotten the other systems."""
    kept = [place for place, event in enumerate(bank.events) if event.system == system]
    return Bank(tuple(bank.events[place] for place in kept), bank.vectors[kept], bank.trained[kept])


def _mean(values: Sequence[float]) -> float:
    return float(np.clip(np.mean(values), 0.0, 1.0))
