"""The record of a model's release."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fusionlog.records.base import Probability, Record, Seconds, Sum, SystemName, Weight
from fusionlog.types import DetectorName


class BankEvent(Struct, frozen=True, kw_only=True):
    """An event of a model's training set: its system, its template, and the probability of an anomaly by itself."""

    system: SystemName
    template: str
    text: str
    probability: Probability


class Lineage(Struct, frozen=True, kw_only=True):
    """The provenance of a release: parent, sources, teachers, number of pseudo-labels and of rounds, and Ray job.

    `parsing` is the fingerprint of the parsing that a base was trained under: a hash of the event of every source line.
    `bundled` marks the base of the package, which no system with the name of one of its sources takes into use.
    """

    parent: str | None = None
    sources: list[str] = []
    teachers: list[str] = []
    labels: Sum = 0
    rounds: Sum = 0
    job: str = ""
    parsing: str = ""
    bundled: bool = False


class Calibration(Struct, frozen=True, kw_only=True):
    """The weights that combine the network's probability p with the novelty features of a window into its score.

    The features are its surprisal s, its rarity r and that of its failures f in the profile of its system:

    logit score = probability * logit p + surprisal * s + rarity * r + failure * f + intercept.
    """

    probability: Weight
    surprisal: Weight
    rarity: Weight
    failure: Weight
    intercept: float


class LogisticRegression(Struct, frozen=True, kw_only=True):
    """A non-negative logistic regression over the features of a window, fitted on the labelled sources:

    logit p = surprisal * s + rarity * r + failure * f + transferred * t + intercept,

    where t is the greatest probability of an anomaly that an event of a source transfers to one of the window's.
    """

    surprisal: Weight
    rarity: Weight
    failure: Weight
    transferred: Weight = 0.0
    intercept: float


class Withdrawal(Struct, frozen=True, kw_only=True):
    """The withdrawal of a release: by the guard of a score worker, after its first windows, or by an `operator`, who
    rolled back to `previous`.

    `system` is the one whose windows it was compared on with release `previous`, to which workers go back. `figures`
    are the counts of the comparison (see `online.release_comparison`).
    """

    system: SystemName
    at: Seconds
    cause: Literal["share", "disagreement", "operator"]
    reason: str
    previous: str
    figures: dict[str, float] = {}


class ModelRelease(Record, frozen=True, kw_only=True):
    """A small model with all that a worker needs to use it. `system` is `*` for the base model of the sources.

    `vectors` is an npy file, `[len(bank), dim]` float32, the unit vectors of `bank`. `profile` is the packed profile of
    recent windows that a worker starts with; without a `calibration` the score is the network's.

    What was fitted on the sources is copied to every descendant: `offline_teacher` is the offline teacher's regression,
    on features corrected for multiple comparisons; `novelty` the one on features as counted, which a calibration adds
    to its own weights where that helps; `reference_auprc` the base's AUPRC on source sessions that it was not trained
    on, which the gate compares a descendant with. `metrics` are measurements for people: nothing is computed from them.

    A `withdrawn` release is used by no worker, until it is published without its withdrawal. A release that is not
    `guarded` was chosen by an operator, who rolled back to it or restored it: no guard withdraws it.

    `sha256` covers every other field but `signature`, which is its maker's ed25519 signature where keys are configured,
    over all fields but these three, `withdrawn` and `guarded`.
    """

    system: SystemName
    version: str
    created: Seconds
    detector: DetectorName
    encoder: str
    onnx: bytes
    bank: list[BankEvent]
    vectors: bytes
    threshold: Probability
    tau: Annotated[float, Meta(ge=-1.0, le=1.0)]
    lineage: Lineage
    metrics: dict[str, float] = {}
    calibration: Calibration | None = None
    offline_teacher: LogisticRegression | None = None
    novelty: LogisticRegression | None = None
    reference_auprc: Probability | None = None
    profile: bytes = b""
    withdrawn: Withdrawal | None = None
    guarded: bool = True
    sha256: str = ""
    signature: str | None = None
