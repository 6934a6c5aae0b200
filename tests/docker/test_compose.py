"""docker/compose.yaml as Docker's own compose reads it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionlog.topics import ROLES
from tests.docker.test_dockerfiles import ROOT, tool

FILE = ROOT / "docker" / "compose.yaml"
LLM = ROOT / "docker" / "compose.llm.yaml"
NOTIFY = ROOT / "docker" / "compose.notify.yaml"
IMAGES = {"fusionlog-agents", "fusionlog-ray", "apache/kafka", "prom/prometheus", "grafana/grafana"}
ENDPOINT = {"FUSIONLOG_LABEL__URL": "https://llm.example/v1", "FUSIONLOG_LABEL__API_KEY": "k-123"}


def compose(*files: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What compose makes of files and variables of its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FUSIONLOG_")}
    words = [word for file in files for word in ("--file", str(file))]
    command = [tool("docker-compose"), *words, "--profile", "*", "config", "--format", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={**clean, **variables})


def workers_of(services: dict[str, Any]) -> dict[str, Any]:
    """The services that are workers, by role."""
    commands = {name: service["command"] or [""] for name, service in services.items()}
    assert all(words[1:] == [name] for name, words in commands.items() if words[0] == "worker")
    return {name: services[name] for name, words in commands.items() if words[0] == "worker"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = compose(FILE)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout)["services"])


def test_every_service_is_locked_and_bounded(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only") or name == "kafka", name
        assert int(service["mem_limit"]) > 0 and service.get("privileged") is None, name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", ())), name


def test_no_image_floats(services: dict[str, Any]) -> None:
    tags = {service["image"].rpartition(":")[::2] for service in services.values()}
    assert {name for name, _ in tags} == IMAGES
    assert all(tag[:1].isdigit() or tag[:1] == "v" for _, tag in tags) and "latest" not in {tag for _, tag in tags}


def test_each_role_runs_after_topics_and_base(services: dict[str, Any]) -> None:
    workers = workers_of(services)
    assert set(workers) == set(ROLES) - {"ray", "cli", "explain", "notify"}
    for service in workers.values():
        assert service["depends_on"]["base"]["condition"] == "service_completed_successfully"
    assert services["base"]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert services["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_what_is_mounted_is_there_the_dashboard_of_the_chart_among_it(services: dict[str, Any]) -> None:
    binds = [each for service in services.values() for each in service.get("volumes", ()) if each["type"] == "bind"]
    assert all(Path(each["source"]).is_file() and each["read_only"] for each in binds)
    sources = {Path(each["source"]).relative_to(ROOT).as_posix() for each in binds}
    assert "helm/fusionlog/files/dashboard.json" in sources


def test_prometheus_reads_every_worker_by_the_labels_that_the_dashboard_selects(services: dict[str, Any]) -> None:
    (job,) = yaml.safe_load((ROOT / "docker" / "prometheus.yaml").read_text())["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    roles = set(workers_of(services))
    assert set(names["names"]) == roles | {"explain", "notify"} and names["port"] == 9100
    assert {each["target_label"] for each in job["relabel_configs"]} == {"namespace", "pod"}
    assert {services[role]["environment"]["FUSIONLOG_METRICS_PORT"] for role in roles} == {"9100"}
    token = services["ingest"]["environment"]["FUSIONLOG_METRICS__TOKEN_FILE"]
    assert job["authorization"]["credentials_file"] == token
    assert any(token.startswith(each["target"]) for each in services["prometheus"]["volumes"])


def test_only_ray_and_who_submits_jobs_see_the_token_of_ray(services: dict[str, Any]) -> None:
    holders = {
        name for name, service in services.items()
        for each in service.get("volumes", ()) if each.get("source") == "ray-token"
    }  # fmt: skip
    assert holders == {"tokens", "ray", "jobs", "train"}
    assert services["ray"]["environment"]["RAY_AUTH_MODE"] == "token"


def test_an_llm_is_asked_for_by_a_sentence_and_its_key_is_a_file() -> None:
    refused = compose(FILE, LLM)
    assert refused.returncode != 0 and "set it to the URL of an OpenAI-compatible endpoint" in refused.stderr
    done = compose(FILE, LLM, **ENDPOINT)
    found = json.loads(done.stdout)["services"]
    for role in ("label", "explain"):
        environment = found[role]["environment"]
        assert environment["FUSIONLOG_LABEL__URL"] == ENDPOINT["FUSIONLOG_LABEL__URL"]
        assert environment["FUSIONLOG_LABEL__API_KEY_FILE"] == "/run/secrets/api-key"
        assert "k-123" not in environment.values()
    assert found["explain"]["command"] == ["worker", "explain"]


def test_a_notify_worker_is_asked_for_by_a_sentence_and_reads_its_targets_and_their_secrets_alone() -> None:
    refused = compose(FILE, NOTIFY)
    assert refused.returncode != 0 and "set it to a directory with notifications.yaml" in refused.stderr
    done = compose(FILE, NOTIFY, FUSIONLOG_NOTIFICATIONS_DIR="/srv/notify")
    found = json.loads(done.stdout)["services"]
    notify = found["notify"]
    assert notify["command"] == ["worker", "notify"] and notify["read_only"] and notify["cap_drop"] == ["ALL"]
    (place,) = [each for each in notify["volumes"] if each["source"] == "/srv/notify"]
    assert place["read_only"] and notify["environment"]["FUSIONLOG_NOTIFICATIONS_FILE"].startswith(place["target"])
    others = [each for name, service in found.items() if name != "notify" for each in service.get("volumes", ())]
    assert "/srv/notify" not in {each["source"] for each in others}
