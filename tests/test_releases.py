from __future__ import annotations

import io
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fusionlog import releases
from fusionlog.errors import ModelError, SettingError
from fusionlog.records import BankEvent, Calibration, Lineage, ModelRelease, Withdrawal
from tests.factories import make_regression, make_release
from tests.signing.factories import make_signatures

SIGNED = make_signatures("trainer", "label")
KEY, READER = SIGNED["trainer"], SIGNED["reader"]


def test_a_signed_release_verifies_after_the_wire() -> None:
    release = releases.sign(make_release(threshold=1), KEY)
    received = msgspec.json.decode(msgspec.json.encode(release), type=ModelRelease)
    releases.verify(received, READER)
    releases.verify(received, None)


CHANGES: dict[str, Any] = {
    "onnx": b"other",
    "system": "other",
    "version": "other",
    "created": 1.0,
    "detector": "gru",
    "encoder": "other",
    "threshold": 0.123,
    "tau": 0.123,
    "vectors": releases.pack_vectors(np.zeros((2, 3), np.float32)),
    "bank": [BankEvent(system="shop", template="t", text="x", probability=0.5)],
    "lineage": Lineage(parent="other"),
    "metrics": {"f1": 1.0},
    "calibration": Calibration(probability=1.0, surprisal=0.0, rarity=0.0, failure=0.0, intercept=0.0),
    "offline_teacher": make_regression(),
    "novelty": make_regression(),
    "reference_auprc": 0.5,
    "profile": b"other",
    "withdrawn": Withdrawal(system="shop", at=1.0, cause="share", reason="bad", previous="v0"),
    "guarded": False,
}


def test_the_digest_covers_every_field_but_version_digest_and_signature() -> None:
    assert set(ModelRelease.__struct_fields__) == {*CHANGES, "v", "sha256", "signature"}


@pytest.mark.parametrize("name", CHANGES)
def test_any_altered_field_is_refused(name: str) -> None:
    release = releases.sign(make_release(), None)
    with pytest.raises(ModelError, match=r"does not match its sha256"):
        releases.verify(msgspec.structs.replace(release, **{name: CHANGES[name]}), None)


def test_an_altered_weight_is_refused() -> None:
    release = releases.sign(make_release(novelty=make_regression(surprisal=1.0)), None)
    with pytest.raises(ModelError, match=r"does not match its sha256"):
        releases.verify(msgspec.structs.replace(release, novelty=make_regression(surprisal=1.5)), None)


def test_a_field_that_is_not_used_does_not_change_the_digest() -> None:
    class Later(ModelRelease, frozen=True, kw_only=True):
        more: float | None = None

    later = msgspec.convert(msgspec.to_builtins(make_release()), Later)
    assert releases.digest(later) == releases.digest(make_release())


def test_bytes_cannot_move_between_network_and_vectors() -> None:
    one, two = make_release(onnx=b"ab", vectors=b"c"), make_release(onnx=b"a", vectors=b"bc")
    assert releases.digest(one) != releases.digest(two)


def test_a_key_demands_a_signature() -> None:
    with pytest.raises(ModelError, match=r"unsigned: .* has no signature, and FUSIONLOG_SIGNING__PUBLIC_KEYS is set"):
        releases.verify(releases.sign(make_release(), None), READER)


def test_a_signature_of_another_key_is_refused_by_name() -> None:
    release = releases.sign(make_release(), make_signatures("trainer")["trainer"])
    with pytest.raises(ModelError, match=f"release {release.version} of system shop is refused as unknown-key: .* key"):
        releases.verify(release, READER)


def test_the_signature_of_another_version_is_refused() -> None:
    release = releases.sign(make_release(), KEY)
    moved = releases.sealed(msgspec.structs.replace(release, version="later"))
    with pytest.raises(ModelError, match="bad-signature"):
        releases.verify(moved, READER)
    releases.verify(releases.sealed(release), READER)


def test_a_withdrawn_release_keeps_the_signature_of_its_content_and_no_other() -> None:
    withdrawal = Withdrawal(system="shop", at=1.0, cause="share", reason="bad", previous="v0")
    withdrawn = releases.sealed(msgspec.structs.replace(releases.sign(make_release(), KEY), withdrawn=withdrawal))
    releases.verify(withdrawn, READER)
    with pytest.raises(ModelError, match="bad-signature"):
        releases.verify(releases.sealed(msgspec.structs.replace(withdrawn, onnx=b"other")), READER)


def test_a_former_hmac_is_refused() -> None:
    with pytest.raises(ModelError, match=r"bad-signature: .* is not of the form"):
        releases.verify(releases.sealed(make_release(signature="ab" * 32)), READER)


def test_the_key_of_a_label_worker_signs_no_release() -> None:
    with pytest.raises(SettingError, match="it signs label and no release: give the private key of trainer or oper"):
        releases.sign(make_release(), SIGNED["label"])


def test_a_digest_that_is_not_ascii_is_refused() -> None:
    with pytest.raises(ModelError, match="sha256"):
        releases.verify(make_release(sha256="é"), None)


def test_versions_sort_by_time() -> None:
    early, late = releases.new_version(1000.25, "shop"), releases.new_version(1000.5, "auth")
    assert early < late
    assert early == "19700101T001640.250-shop"
    assert releases.new_version(0, "*").endswith("-base")


@given(arrays.arrays(np.float32, st.tuples(st.integers(0, 5), st.integers(1, 5)), elements=st.floats(-1, 1, width=32)))
def test_vectors_come_back_as_they_were(vectors: np.ndarray) -> None:
    assert np.array_equal(releases.unpack_vectors(releases.pack_vectors(vectors)), vectors)


def as_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not npy",
        releases.pack_vectors(np.ones((4, 4), np.float32)).replace(b"(4, 4)", b"(8, 9)"),
        releases.pack_vectors(np.ones((4, 4), np.float32)) + b"\0" * 4,
        releases.pack_vectors(np.ones((4, 4), np.float32))[:-1],
        as_npy(np.array([{"an": "object"}], dtype=object)),
        as_npy(np.ones((2, 2), np.float64)),
        as_npy(np.ones(3, np.float32)),
        as_npy(np.full((1, 1), np.nan, np.float32)),
    ],
)
def test_bytes_that_are_not_vectors_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="the vectors of a release are"):
        releases.unpack_vectors(data)


def test_a_bank_needs_one_vector_an_event() -> None:
    release = make_release(vectors=releases.pack_vectors(np.zeros((1, 2), np.float32)))
    with pytest.raises(ModelError, match="1 vectors for 2 events"):
        releases.bank_vectors(release)
