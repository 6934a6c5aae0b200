"""The assignment of all partitions to one member."""

from __future__ import annotations

from types import SimpleNamespace

from fusionlog.kafka.single_member import SingleMember


def test_one_member_has_all_partitions_and_the_others_stand_by() -> None:
    cluster = SimpleNamespace(partitions_for_topic={"a": {2, 0, 1}}.get)
    members = {name: SingleMember.metadata(["a"]) for name in ("m2", "m1")}
    found = SingleMember.assign(cluster, members)
    assert found["m1"].assignment == [("a", [0, 1, 2])]
    assert found["m2"].assignment == []
