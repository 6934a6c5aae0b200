"""Alerts, dashboard and scalers: PromQL on metrics that the code exports, and a runbook an alert."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from fusionlog.observability import metrics
from tests.helm.chart import CHART, ROOT, example, merged, named, of_kind, pods, render

promql = pytest.importorskip("promql_parser", reason="it is not installed: run  make setup")

ALERTS = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
NAME = re.compile(r"\bfusionlog_\w+")
MATCHER = re.compile(r'(\w+)(?:=~|!=|!~|=)"')
OF_THE_POD = {"namespace", "pod"}
BY = re.compile(r"\bby \(([^)]*)\)")


def exported() -> dict[str, set[str]]:
    """The series that the code exports, each with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric._type, ("",))
            found |= {f"{metric._name}{ending}": {*metric._labelnames, "le"} for ending in endings}
    return found


SERIES = exported()


def panels() -> Iterator[tuple[str, str]]:
    """The expressions of the dashboard, each with its panel."""
    dashboard = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


def check(expression: str) -> None:
    """Check an expression: PromQL, and its series and labels are those of the code."""
    for variable, value in (("$__rate_interval", "5m"), ("$__range", "1h")):
        expression = expression.replace(variable, value)
    promql.parse(expression)
    names = NAME.findall(re.sub(r'"[^"]*"', '""', expression))
    assert names and set(names) <= set(SERIES), set(names) - set(SERIES)
    labels = set().union(*(SERIES[name] for name in names)) | OF_THE_POD
    used = set(MATCHER.findall(expression)) | {
        each.strip() for group in BY.findall(expression) for each in group.split(",")
    }
    assert used <= labels, used - labels


@cache
def rendered() -> list[dict[str, Any]]:
    """The alerts of a release."""
    objects = render(example("production"))
    return list(named(objects, "PrometheusRule", "-fusionlog")["spec"]["groups"][0]["rules"])


@pytest.mark.parametrize("alert", [each["alert"] for each in ALERTS])
def test_an_alert_is_promql_on_exported_metrics_and_has_a_runbook(alert: str) -> None:
    (rule,) = [each for each in rendered() if each["alert"] == alert]
    assert "$" not in rule["expr"].replace("$labels", "")
    check(rule["expr"])
    assert 'namespace="demo"' in rule["expr"] and 'pod=~"r-fusionlog-.*"' in rule["expr"]
    assert rule["annotations"]["runbook_url"].endswith(f"runbooks.html#{alert.lower()}")
    assert f"\n## {alert}\n" in RUNBOOKS
    assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_every_runbook_is_of_an_alert() -> None:
    assert re.findall(r"^## (FusionLog\w+)$", RUNBOOKS, re.MULTILINE) == [each["alert"] for each in ALERTS]


@pytest.mark.parametrize(("panel", "expression"), list(panels()))
def test_a_panel_is_promql_on_exported_metrics(panel: str, expression: str) -> None:
    check(expression)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: str(each["alert"]))
def test_labels_in_the_text_of_an_alert_are_those_that_its_expression_keeps(alert: dict[str, Any]) -> None:
    kept = {each.strip() for group in BY.findall(alert["expr"]) for each in group.split(",")}
    texts = alert["summary"] + alert["description"]
    assert set(re.findall(r"\$labels\.(\w+)", texts)) <= kept


@pytest.mark.parametrize("role", ["ingest", "label"])
def test_a_scaler_reads_exported_metrics(role: str) -> None:
    scaled = named(render(example("production")), "ScaledObject", f"-{role}")
    check(scaled["spec"]["triggers"][0]["metadata"]["query"])


def test_ingest_is_scaled_by_what_is_unread_of_raw_and_keyed_topics() -> None:
    scaled = named(render(example("production")), "ScaledObject", "-ingest")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    (topics,) = re.findall(r'topic=~"([^"]*)"', query)
    assert re.fullmatch(topics, "logs.raw.shop") and re.fullmatch(topics, "fusionlog.keyed.shop")
    assert not re.fullmatch(topics, "fusionlog.windows.general")


def test_score_is_scaled_by_the_lag_of_its_group() -> None:
    trigger = named(render(example("production")), "ScaledObject", "-score")["spec"]["triggers"][0]
    assert trigger["type"] == "kafka" and trigger["metadata"]["consumerGroup"] == "fusionlog.score"
    assert trigger["metadata"]["topic"] == "fusionlog.windows.general" and trigger["metadata"]["sasl"] == "scram_sha512"
    assert trigger["authenticationRef"]["name"] == "r-fusionlog-score"


def test_a_scaler_has_the_whole_login_of_a_user_of_strimzi() -> None:
    objects = render(example("strimzi-kuberay-keda"))
    login = named(objects, "TriggerAuthentication", "-score")["spec"]
    parameters = {each["parameter"] for each in (*login["secretTargetRef"], *login.get("env", ()))}
    assert parameters == {"username", "password", "ca"}
    (pod,) = pods(named(objects, "StatefulSet", "-score"))
    values = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert values[login["env"][0]["name"]] == "r-fusionlog-score"


def test_a_disabled_alert_and_those_of_a_canary_that_is_off_are_left_out() -> None:
    rules = {"enabled": True, "disabled": ["FusionLogDeadLetters"], "thresholds": {"windowLag": 7}}
    changes = {
        "monitoring": {"rules": rules},
        "workers": {"canary": {"enabled": False}},
    }
    (found,) = of_kind(render(merged(example("minimal"), changes)), "PrometheusRule")
    alerts = found["spec"]["groups"][0]["rules"]
    names = {each["alert"] for each in alerts}
    assert "FusionLogKafkaAway" in names and not names & {"FusionLogDeadLetters", "FusionLogCanaryFails"}
    (behind,) = [each for each in alerts if each["alert"] == "FusionLogScoreBehind"]
    assert behind["expr"].endswith("> 7")
