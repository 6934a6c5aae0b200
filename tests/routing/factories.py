"""Banks of judged events in the words of the tests' encoder."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fusionlog.records import BankEvent, template_id
from fusionlog.routing.bank import Bank
from tests.encoders import WORDS, WordEncoder

TEXTS = st.lists(st.sampled_from(WORDS[2:]), min_size=0, max_size=4).map(" ".join)


def judged(text: str, probability: float = 0.0, system: str = "shop") -> BankEvent:
    return BankEvent(system=system, template=template_id(text), text=text, probability=probability)


def make_bank(*texts: str, system: str = "other") -> Bank:
    events = [judged(text, system=system) for text in texts]
    return Bank((), np.zeros((0, 6), np.float32), np.zeros(0, np.bool_)).with_events(events, WordEncoder()(texts))
