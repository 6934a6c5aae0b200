from __future__ import annotations

from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import MAX_PLACES, Anomaly, Window
from fusionlog.settings import SystemSettings
from fusionlog.workers.anomaly_description import Describer
from fusionlog.workers.anomaly_record import by_model, by_teacher, withdrawal
from tests.factories import make_event, make_label, make_window

ORDER = make_window("order opened", "stock reserved", "payment accepted")
SILENT = make_window("order opened", "stock reserved")
SYSLOG = SystemSettings(header="<Date> <Host> <Level> <Content>")


def described(window: Window, system: SystemSettings | None = None, anomaly: Anomaly | None = None) -> Anomaly:
    profile = SystemProfile()
    profile.update(ORDER, 200)
    found = anomaly or by_model(window, 0.8, 0.5, {event.template: 0.8 for event in window.events}, "m1", 2000.0)
    return Describer(system or SystemSettings()).describe(found, window, profile, own=0)


def test_an_anomaly_names_the_step_that_is_missing() -> None:
    found = described(SILENT)
    assert found.title == "missing: payment accepted (in 100 % of 200 windows like it)"
    assert found.severity == "error" and found.evidence[0].absent
    assert {each.text for each in found.evidence[1:]} == {"order opened", "stock reserved"}


def test_a_teachers_anomaly_is_described_as_well() -> None:
    found = described(SILENT, anomaly=by_teacher(SILENT, make_label(SILENT), 2000.0))
    assert found.title.startswith("missing: payment accepted") and found.reason == "because"


def test_the_level_and_the_hosts_are_those_of_the_headers_and_envelopes() -> None:
    lines = [f"2026-11-27T12:00:0{number} web-{number} ERROR cache cold" for number in range(9)]
    events = [make_event(f"cache cold {'i' * number}", example=line) for number, line in enumerate(lines)]
    window = make_window(events=events, hosts=["node-7"])
    found = described(window, SYSLOG)
    assert found.hosts == ["node-7", "web-0", "web-1", "web-2", "web-3"] and len(found.hosts) == MAX_PLACES
    assert {each.level for each in found.evidence} == {"error"} and found.severity == "error"


def test_an_anomaly_without_a_profile_has_a_title_and_a_severity() -> None:
    window = make_window("order opened", "disk failed")
    found = by_model(window, 0.8, 0.5, {window.events[1].template: 0.9}, "m1", 2000.0)
    assert (found.title, found.severity) == ("disk failed", "error")


def test_an_anomaly_has_the_places_of_its_window() -> None:
    window = make_window("disk failed", hosts=["web-1"], files=["/var/log/a.log"], own_times=True)
    found = described(window)
    assert (found.hosts, found.files, found.own_times) == (["web-1"], ["/var/log/a.log"], True)


def test_a_withdrawn_anomaly_is_information_with_its_reason_as_title() -> None:
    found = withdrawal(SILENT, 0.1, "test", "a normal order", 2000.0)
    assert (found.severity, found.title) == ("info", "a normal order")
