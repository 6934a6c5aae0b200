from __future__ import annotations

from typing import Any

import pytest

from fusionlog.parsing.envelopes.places import MAX_NAME_CHARS, NOWHERE, LinePlaces, place_of
from fusionlog.parsing.envelopes.raw_line import RawLine


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"host": {"name": "web-1"}, "log": {"file": {"path": "/a.log"}, "offset": 9}}, ("web-1", "/a.log")),
        ({"host.name": "web-1", "log.file.path": "/var/log/a.log"}, ("web-1", "/var/log/a.log")),
        ({"host": "web-1", "file": "/var/log/a.log", "source_type": "file"}, ("web-1", "/var/log/a.log")),
        ({"@version": "1", "host": "web-1", "path": "C:\\logs\\a.log"}, ("web-1", "C:\\logs\\a.log")),
        ({"_HOSTNAME": "web-1", "_SYSTEMD_UNIT": "nginx.service"}, ("web-1", "")),
        ({"hostname": "web-1", "program": "sshd"}, ("web-1", "")),
        ({"kubernetes": {"host": "node-7", "pod_name": "shop-1"}, "stream": "stdout"}, ("node-7", "")),
        ({"kubernetes": {"pod_name": "shop-1"}}, ("shop-1", "")),
        ({"labels": {"instance": "web-1", "filename": "/var/log/a.log"}}, ("web-1", "/var/log/a.log")),
        ({"resource": {"k8s.node.name": "node-7", "service.name": "shop"}}, ("node-7", "")),
        ({"k8s.pod.name": "shop-1", "log.file.name": "a.log"}, ("shop-1", "a.log")),
        ({"host": "-", "hostname": "web-1"}, ("web-1", "")),
    ],
)  # fmt: skip
def test_the_host_and_the_file_of_a_line_are_those_of_its_envelope(fields: Any, place: tuple[str, str]) -> None:
    assert place_of(fields) == place


@pytest.mark.parametrize(
    "fields", [None, {}, {"message": "web-1"}, {"source": "stdout"}, {"host": ""}, {"host": ["a"]}, {"path": "shop"}]
)
def test_an_envelope_without_either_has_no_place(fields: Any) -> None:
    assert place_of(fields) is NOWHERE


def test_a_name_is_cut_and_equal_places_are_one_object() -> None:
    assert len(place_of({"host": "w" * 9_000}).host) == MAX_NAME_CHARS
    assert place_of({"host": "web-" + "1"}) is place_of({"hostname": "web-1"})


def test_containers_of_one_name_have_the_hosts_of_their_own_lines() -> None:
    places = LinePlaces()
    lines = [RawLine("x", None, {"container_name": "shop", "host": host}, "shop") for host in ("web-1", "web-2")]
    assert [places.of(line).host for line in lines] == ["web-1", "web-2"]


def test_a_line_of_a_known_writer_has_its_place() -> None:
    places, fields = LinePlaces(), {"host": "web-1", "log.file.path": "/var/log/a.log"}
    for _ in range(2):
        assert places.of(RawLine("x", None, dict(fields), "web-1//var/log/a.log")) == ("web-1", "/var/log/a.log")
    assert places.of(RawLine("x")) is NOWHERE is places.of(None)
