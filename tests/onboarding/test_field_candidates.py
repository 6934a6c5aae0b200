"""Named fields as candidates of a session key."""

from __future__ import annotations

from fusionlog.onboarding.field_candidates import header_candidates, outer_candidates, pod_candidate
from fusionlog.settings import SystemSettings
from fusionlog.utils.json_format import Tree


def envelopes() -> list[Tree | None]:
    return [
        {"time": number, "stream": "stdout", "kubernetes": {"pod_name": f"cart-{number % 3}", "host": "n1"},
         "trace_id": f"t{number // 2}" if number % 4 else "-"}
        for number in range(40)
    ]  # fmt: skip


def test_the_fields_of_envelopes_are_candidates_by_their_paths() -> None:
    found = {each.field: each for each in outer_candidates(envelopes())}
    assert set(found) == {"kubernetes.pod_name", "trace_id"}
    assert found["kubernetes.pod_name"].keys[:4] == ["cart-0", "cart-1", "cart-2", "cart-0"]
    assert found["trace_id"].keys[:3] == [None, "t0", "t1"]


def test_the_pod_is_known_by_its_name() -> None:
    pod = pod_candidate(list(outer_candidates(envelopes())))
    assert pod is not None
    assert pod.field == "kubernetes.pod_name"
    assert pod_candidate(list(outer_candidates([{"host": "a"}, {"host": "b"}]))) is None


def test_the_fields_of_a_header_are_candidates_as_they_are_written_in_it() -> None:
    system = SystemSettings(header="<Date> <Level> [<Request>] <Content>")
    lines = [f"2026-03-04 INFO [r{number // 3}] step {number}" for number in range(30)]
    found = list(header_candidates(system, lines, [None] * len(lines)))
    assert [each.field for each in found] == ["Request"]
    assert found[0].keys == [f"r{number // 3}" for number in range(30)]


def test_lines_without_an_envelope_have_none() -> None:
    assert list(outer_candidates([None, None])) == []


def test_the_fields_of_a_preset_are_candidates_whether_it_decodes_lines_or_not() -> None:
    logfmt = [f'level=info msg="step" request=r{number // 3}' for number in range(30)]
    syslog = [f"Mar  4 10:11:12 web1 sshd[{900 - number // 3}]: step {number}" for number in range(30)]
    for name, lines, field in (("logfmt", logfmt, "request"), ("syslog3164", syslog, "pid")):
        found = header_candidates(SystemSettings.model_validate({"format": name}), lines, [None] * len(lines))
        assert field in [each.field for each in found]
