"""The labels of a target. Only code that computes figures gets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fusionlog.data.systems import FORM, read_labels
from fusionlog.errors import DataError
from fusionlog.methods.protocol import Fold


@dataclass(frozen=True, eq=False)
class Truth:
    """The labels of a fold by session id, in order: of the adaptation half, and of the test half."""

    adapted: Mapping[str, bool]
    test: Mapping[str, bool]

    def anomalous(self, session: str) -> bool:
        """Whether a session of either half is anomalous."""
        return self.test[session] if session in self.test else self.adapted[session]


def read_truth(directory: Path, fold: Fold) -> Truth:
    """The labels of a fold.

    :raises DataError: a session has none.
    """
    labels = read_labels(directory, fold.target)
    missing = next((session for half in fold.sessions for session in half if session not in labels), None)
    if missing is not None:
        raise DataError(directory / fold.target / "labels.csv", f"no label of session {missing!r}", FORM)
    adapted, test = ({session: labels[session] for session in half} for half in fold.sessions)
    return Truth(adapted, test)
