"""The kinds of records that are signed, and the signers: who may sign which kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from fusionlog.errors import SettingError

Kind = Literal["release", "withdrawal", "label", "revocation", "feedback", "removal"]
"""The kind of a signed record: the content of a release, a release that a guard withdrew, a label, a revoked label, an
operator's verdict on an anomaly, and a tombstone. A kind is a part of what is signed."""
KINDS: tuple[Kind, ...] = get_args(Kind)

SIGNERS: Mapping[str, tuple[Kind, ...]] = MappingProxyType({
    "trainer": ("release",),
    "label": ("label",),
    "score": ("withdrawal",),
    # `fusionlog models publish`, `rollback`, `restore`; `fusionlog labels revoke`, `restore` (a label as it was).
    "operator": KINDS,
})  # fmt: skip
"""The kinds that the key of each signer signs where `fusionlog keys generate` makes it: the Ray jobs, the label and the
score workers, and people."""
SIGNER_OF: Mapping[str, str] = MappingProxyType(
    {"ray": "trainer", "label": "label", "score": "score", "cli": "operator"}
)
"""The signer of each role that writes signed records."""

NAME = re.compile(r"([a-z]+)(?:-[a-z0-9][a-z0-9-]{0,60})?")


def kinds_of(signer: str) -> tuple[Kind, ...]:
    """The kinds that a signer may sign: that of its name up to the first hyphen (`operator-ann` is an operator).

    :raises SettingError: the name is of no signer.
    """
    found = NAME.fullmatch(signer)
    if found is None or found[1] not in SIGNERS:
        raise SettingError(
            "SIGNER", signer, f"take {', '.join(SIGNERS)}, or one of these with a name, such as operator-ann"
        )
    return SIGNERS[found[1]]
