"""The metrics over HTTP: served where a port is set, refused in our words where it is taken."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from fusionlog.errors import SettingError
from fusionlog.observability import metrics
from fusionlog.settings import Settings
from tests.brokers import free_ports


def served(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_a_counter_is_served_under_its_name_with_its_labels() -> None:
    [port] = free_ports(1)
    metrics.serve(Settings(metrics_port=port, metrics_host="127.0.0.1"))
    metrics.LINES_DROPPED.labels("of-this-test", "raw", "too long").inc(3)
    assert 'fusionlog_lines_dropped_total{input="raw",rule="too long",system="of-this-test"} 3.0' in served(port)


def test_a_port_that_is_taken_names_the_setting_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingError, match="in use; choose another") as raised:
            metrics.serve(Settings(metrics_port=port, metrics_host="127.0.0.1"))
    assert (raised.value.setting, raised.value.value) == ("FUSIONLOG_METRICS_PORT", port)


def test_without_a_port_nothing_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr(metrics, "start_http_server", refused)
    metrics.serve(Settings())
