"""Who may sign what, and what is refused: tampered, moved, forged, of the wrong signer, retired, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fusionlog.errors import RecordError, SettingError
from fusionlog.signing.key_set import KeySet, added, without, write_key_set
from fusionlog.signing.keys import PrivateKey
from fusionlog.signing.kinds import KINDS, Kind, kinds_of
from fusionlog.signing.signatures import CLOCK_SECONDS, Order, Signatures
from tests.signing.factories import make_keys, make_signatures

SIGNED = make_signatures()
READER = SIGNED["reader"]
RECORD = ("label", "labels", b"shop/ab", b'{"probability":0.1}')


def signed(signer: str = "label", record: tuple[Kind, str, bytes, bytes] = RECORD) -> str:
    found = SIGNED[signer].sign(*record)
    assert found is not None
    return found


def reason(record: tuple[Kind, str, bytes, bytes], signature: str | None, reader: Signatures = READER) -> str:
    with pytest.raises(RecordError) as raised:
        reader.verify(*record, signature)
    return raised.value.reason


def test_a_record_of_its_signer_is_accepted() -> None:
    assert READER.verify(*RECORD, signed()) == 1_000_000
    assert READER.verify(*RECORD, signed("operator")) == 1_000_000


@pytest.mark.parametrize(
    "changed",
    [
        ("label", "labels", b"shop/ab", b'{"probability":0.9}'),
        ("label", "labels", b"shop/cd", RECORD[3]),
        ("label", "models", b"shop/ab", RECORD[3]),
        ("revocation", "labels", b"shop/ab", RECORD[3]),
        ("removal", "labels", b"shop/ab", b""),
    ],
    ids=["tampered", "moved to a key", "moved to a topic", "turned into a kind", "removed"],
)
def test_a_signature_is_of_one_record(changed: tuple[Kind, str, bytes, bytes]) -> None:
    assert reason(changed, signed("operator")) == "bad-signature"


def test_the_time_of_a_signature_is_signed() -> None:
    form, key, at, value = signed().split(".")
    assert reason(RECORD, f"{form}.{key}.{int(at) + 1}.{value}") == "bad-signature"


def test_a_key_under_the_id_of_another_is_refused() -> None:
    forged = make_signatures("label")["label"].sign(*RECORD)
    form, _key, at, value = str(forged).split(".")
    assert reason(RECORD, forged) == "unknown-key"
    assert reason(RECORD, f"{form}.{SIGNED['label'].key}.{at}.{value}") == "bad-signature"
    assert reason(RECORD, None) == "unsigned"
    assert reason(RECORD, "ab" * 32) == "bad-signature"


@pytest.mark.parametrize("signer", ["trainer", "label", "score"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_signer_signs_its_own_kinds_alone(signer: str, kind: Kind) -> None:
    """A worker refuses to, and where it does not, all readers refuse."""
    keys, private = make_keys(signer, "operator")
    record = (kind, "models", b"k", b"{}")
    own = Signatures(private[signer], keys)
    if kind in kinds_of(signer):
        assert own.sign(*record)
        return
    with pytest.raises(SettingError, match=f"no {kind}: give the private key of .*operator"):
        own.sign(*record)
    greedy = KeySet(keys={id: added(KeySet(), "operator", private[signer].public, 0.0).keys.get(id, key)
                          for id, key in keys.keys.items()})  # fmt: skip
    assert reason(record, Signatures(private[signer], greedy).sign(*record), Signatures(None, keys)) == "wrong-signer"


def test_a_rotation_leaves_two_keys_and_what_the_third_signed() -> None:
    keys, now = KeySet(), 10.0
    own = [PrivateKey.generate() for _ in range(3)]
    for key in own:
        keys = added(keys, "label", key.public, now)
        now += 10.0
    reader = Signatures(None, keys)
    by_each = [Signatures(key, added(KeySet(), "label", key.public, 0.0), clock=lambda: 25.0) for key in own]
    for each in by_each:
        assert reader.verify(*RECORD, each.sign(*RECORD)) == 25_000
    late = Signatures(own[0], added(KeySet(), "label", own[0].public, 0.0), clock=lambda: 35.0)
    assert reason(RECORD, late.sign(*RECORD), reader) == "retired-key"
    with pytest.raises(SettingError, match="it is retired: give the newest private key of label"):
        Signatures(own[0], keys).sign(*RECORD)
    kept = Signatures(None, added(without(keys, "label"), "label", PrivateKey.generate().public, now))
    assert [reason(RECORD, each.sign(*RECORD), kept) for each in by_each] == ["unknown-key"] * 3


def test_without_keys_nothing_is_signed() -> None:
    off = Signatures()
    assert off.sign(*RECORD) is None
    assert (off.verifies, off.state) == (False, {"verified": False, "public_keys": 0, "key": None})
    for role in ("ingest", "score", "label", "explain", "ray", "cli"):
        off.check_role(role)


@pytest.mark.parametrize(
    ("role", "signer", "problem"),
    [
        (
            "label",
            None,
            "FUSIONLOG_SIGNING__PUBLIC_KEYS is set, so a label must be signed: give the private key of label",
        ),
        ("score", None, "a withdrawal must be signed"),
        ("ray", None, "a release must be signed: give the private key of trainer"),
        ("label", "trainer", "it signs release and no label"),
        ("ray", "label", "it signs label and no release"),
        ("cli", "label", "no release"),
    ],
)
def test_a_role_without_the_key_that_it_needs_does_not_start(role: str, signer: str | None, problem: str) -> None:
    with pytest.raises(SettingError, match=problem):
        SIGNED[signer or "reader"].check_role(role)


@pytest.mark.parametrize(
    ("role", "signer"),
    [("ingest", "reader"), ("explain", "reader"), ("label", "label"), ("label", "operator"), ("score", "score"),
     ("ray", "trainer"), ("cli", "operator")],
)  # fmt: skip
def test_a_role_with_its_key_starts(role: str, signer: str) -> None:
    SIGNED[signer].check_role(role)


def test_a_key_that_nobody_knows_and_one_without_public_keys_are_refused_at_the_start() -> None:
    with pytest.raises(SettingError, match="does not have it, so all others would refuse a label"):
        Signatures(PrivateKey.generate(), make_keys("label")[0]).check_role("label")
    with pytest.raises(SettingError, match=r"FUSIONLOG_SIGNING__PUBLIC_KEYS .*a process that signs verifies"):
        Signatures(PrivateKey.generate()).check_role("label")


def test_what_is_signed_is_newer_than_all_that_was_seen_under_its_key() -> None:
    """An operator's clock may be behind that of a label worker: a revocation is no replay."""
    operator = make_signatures("operator", clock=lambda: 10.0)["operator"]
    operator.observe("labels", b"shop/ab", 99_000)
    assert operator.verify(*RECORD, operator.sign(*RECORD)) == 99_001
    assert operator.verify(*RECORD, operator.sign(*RECORD)) == 99_002
    other = ("label", "labels", b"shop/cd", b"{}")
    assert operator.verify(*other, operator.sign(*other)) == 10_000


def test_an_old_record_that_is_written_again_is_a_replay() -> None:
    order, late = Order(), 10**9
    order.check(b"a", late)
    order.check(b"b", 5)
    order.check(b"a", late - int(CLOCK_SECONDS * 1000))
    with pytest.raises(RecordError, match="replayed: record 'a' was signed 60 s before"):
        order.check(b"a", late - int(CLOCK_SECONDS * 1000) - 1)


def test_public_keys_are_read_again_when_their_file_changes(tmp_path: Path) -> None:
    path, new = tmp_path / "keys.json", PrivateKey.generate()
    keys, _ = make_keys("label")
    write_key_set(path, keys)
    reader = Signatures(None, keys, path)
    more = added(keys, "label", new.public, 1.0)
    signature = Signatures(new, more).sign(*RECORD)
    assert reason(RECORD, signature, reader) == "unknown-key"
    write_key_set(path, more)
    reader.verify(*RECORD, signature)
    path.write_text("{half")
    with capture_logs() as logs:
        reader.refresh()
        reader.refresh()
    assert [each["log_level"] for each in logs] == ["error"]
    reader.verify(*RECORD, signature)
    write_key_set(path, keys)
    reader.refresh()
    assert reason(RECORD, signature, reader) == "unknown-key"
