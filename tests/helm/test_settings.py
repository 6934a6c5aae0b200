"""The environment and the files of every rendered container are settings that the code takes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fusionlog import settings
from fusionlog.cli.main import app
from fusionlog.kafka.acls import grants, kafka_user
from fusionlog.settings import Settings
from fusionlog.topics import Topics, Who
from tests.helm.chart import EXAMPLES, Object, containers, example, merged, named, of_kind, pods, render
from tests.helm.test_rendering import SWITCHES

SWITCHED = {
    "oauth",
    "given-login",
    "mutual-tls",
    "llm",
    "llm-secret-url",
    "notify",
    "signing",
    "signing-generated",
    "gpu",
    "ray",
    "topics-strimzi",
}
CASES = {
    **{path.stem: example(path.stem) for path in EXAMPLES},
    **{name: merged(example("minimal"), SWITCHES[name]) for name in sorted(SWITCHED)},
}
ROOTS = ("/run/secrets", "/etc/fusionlog")
PEOPLE: tuple[Who, ...] = ("shippers", "users")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signing keys, as `fusionlog keys generate` makes them."""
    directory = tmp_path_factory.mktemp("keys")
    assert CliRunner().invoke(app, ["keys", "generate", "--dir", str(directory)]).exit_code == 0
    return directory


def file_of(source: Mapping[str, Any], item: Mapping[str, str], objects: list[Object], keys: Path) -> str:
    """The content of a file of a config map or a secret: that of the chart's object, else a likely one."""
    name = source.get("name", source.get("secretName"))
    if item["path"] == "public-keys.json":
        return (keys / "public-keys.json").read_text()
    for each in objects:
        if each["metadata"]["name"] == name and item["key"] in (data := each.get("data") or {}):
            return str(data[item["key"]]) if each["kind"] == "ConfigMap" else "secret"
    if item["path"] == "key.pem":
        signer = next((each for each in ("label", "score") if each in name or name == each[0]), "trainer")
        return (keys / f"{signer}.pem").read_text()
    return "secret"


def mounted(pod: Object, container: Object, objects: list[Object], keys: Path, root: Path) -> None:
    """Write the files that a container sees below a directory."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        sources = volume.get("projected", {}).get("sources", [volume])
        for each in sources:
            source = each.get("configMap") or each.get("secret")
            if source is None or "items" not in source:
                continue
            for item in source["items"]:
                place = root / mount["mountPath"].lstrip("/")
                place = place if "subPath" in mount else place / item["path"]
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(file_of(source, item, objects, keys), encoding="utf-8")


def environment(container: Object, root: Path) -> dict[str, str]:
    """The variables of a container, with paths below a directory."""
    fields = {"status.podIP": "10.0.0.7", "metadata.name": "r-fusionlog-score-0"}
    found = {}
    for each in container.get("env", ()):
        value = each.get("value") or fields.get(each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath"), "")
        found[each["name"]] = f"{root}{value}" if value.startswith(ROOTS) else value
    return found


def load(container: Object, root: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a container."""
    for name in list(os.environ):
        if name.startswith("FUSIONLOG_"):
            monkeypatch.delenv(name)
    for name, value in environment(container, root).items():
        monkeypatch.setenv(name, value)
    return settings.load()


@pytest.mark.parametrize("case", CASES)
def test_every_container_has_settings_that_load(
    case: str, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render(CASES[case])
    seen = 0
    for each in objects:
        for pod in pods(each):
            for container in containers(pod):
                if any(env["name"].startswith("FUSIONLOG_") for env in container.get("env", ())):
                    seen += 1
                    root = tmp_path / str(seen)
                    mounted(pod, container, objects, keys, root)
                    config = load(container, root, monkeypatch)
                    _check(config, CASES[case], container)
    assert seen >= 6


def _check(config: Settings, values: Mapping[str, Any], container: Object) -> None:
    assert set(config.systems) == set(values["systems"])
    assert config.kafka.security_protocol == values["kafka"].get("securityProtocol", "SASL_SSL")
    if config.kafka.security_protocol.startswith("SASL") and container["name"] not in ("distill",):
        assert (config.kafka.sasl_password or config.kafka.oauth_client_secret) is not None
    if container["name"] == "worker":
        assert config.metrics_port == 9100 and config.metrics_host == "10.0.0.7" and config.metrics.token is not None
        config.signatures.check_role(container["args"][1])
        asks = container["args"][1] in ("label", "explain")
        secret = values.get("llm", {}).get("existingSecret")
        assert (config.label.api_key is not None) is bool(asks and (secret or values.get("llm", {}).get("apiKey")))
        assert (config.label.url is not None) is bool(asks and (values.get("llm", {}).keys() & {"url", "urlKey"}))
    if container["name"] == "worker" and container["args"][1] == "notify":
        assert config.notifications_file is not None
        written = yaml.safe_load(config.notifications_file.read_text())
        assert written == values["notifications"]["targets"]
    if values.get("strimzi", {}).get("users", {}).get("authentication") == "tls":
        assert config.kafka.ssl_certfile and config.kafka.ssl_certfile.is_file() and config.kafka.ssl_cafile
    if values.get("signing", {}).get("enabled"):
        assert config.signatures.verifies


def test_a_rendered_number_is_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: Path) -> None:
    written = {
        "FUSIONLOG_INGEST__MAX_OPEN_SESSIONS": 12345678, "FUSIONLOG_SECOND_OPINION__SHARE": 0.05,
        "FUSIONLOG_GUARD__SIGNIFICANCE": 0.0001, "FUSIONLOG_LABEL__EVIDENCE": False,
        "FUSIONLOG_INGEST__MESSAGE_FIELDS": ["log", "msg"],
    }  # fmt: skip
    objects = render(merged(example("minimal"), {"settings": written}))
    (pod,) = pods(named(objects, "StatefulSet", "-ingest"))
    mounted(pod, pod["containers"][0], objects, keys, tmp_path)
    config = load(pod["containers"][0], tmp_path, monkeypatch)
    assert config.ingest.max_open_sessions == 12345678 and config.second_opinion.share == 0.05
    assert config.guard.significance == 0.0001 and config.label.evidence is False
    assert list(config.ingest.message_fields) == ["log", "msg"]


def test_a_role_s_setting_comes_before_that_of_all() -> None:
    changes = {
        "settings": {"FUSIONLOG_SCORE__THREADS": 1, "FUSIONLOG_CANARY__SECONDS": 30},
        "workers": {"score": {"settings": {"FUSIONLOG_SCORE__THREADS": 4}}},
    }
    objects = render(merged(example("minimal"), changes))
    threads = {}
    for each in of_kind(objects, "StatefulSet"):
        (container,) = next(pods(each))["containers"]
        threads[container["args"][1]] = environment(container, Path())["FUSIONLOG_SCORE__THREADS"]
        assert environment(container, Path())["FUSIONLOG_CANARY__SECONDS"] == "30"
    assert threads == {"ingest": "1", "score": "4", "label": "1"}


def strimzi() -> tuple[list[Object], Topics]:
    """The objects of the example with Strimzi, and the topics that the code declares for its systems."""
    values = example("strimzi-kuberay-keda")
    systems = (*sorted(values["systems"]), "fusionlog-canary")
    return render(values), Topics(partitions=6, systems=systems, repartitioned=("orders",))


def test_the_topics_of_strimzi_are_those_that_the_code_declares() -> None:
    objects, topics = strimzi()
    found = {each["spec"]["topicName"]: each["spec"] for each in of_kind(objects, "KafkaTopic")}
    assert set(found) == {topic.name for topic in topics.all()}
    for topic in topics.all():
        assert found[topic.name]["partitions"] == topic.partitions
        assert found[topic.name]["config"] == topic.config()
        assert found[topic.name]["replicas"] == 3


def test_topics_outlive_the_release_unless_they_shall_not() -> None:
    for keep in (True, False):
        objects = render(merged(example("strimzi-kuberay-keda"), {"strimzi": {"keepTopics": keep}}))
        for each in of_kind(objects, "KafkaTopic"):
            assert ("helm.sh/resource-policy" in each["metadata"].get("annotations", {})) is keep


def test_a_user_of_strimzi_has_the_permissions_of_its_role_and_no_others() -> None:
    objects, topics = strimzi()
    users = {each["metadata"]["name"].removeprefix("r-fusionlog-"): each for each in of_kind(objects, "KafkaUser")}
    roles: tuple[Who, ...] = ("ingest", "score", "label", "incidents", "canary", "ray", "cli")
    assert set(users) == {*roles, *PEOPLE}
    for who in (*roles, *PEOPLE):
        wanted = kafka_user(grants(topics, who), "x", "main")["spec"]["authorization"]["acls"]
        assert _sorted(users[who]["spec"]["authorization"]["acls"]) == _sorted(wanted)


def _sorted(acls: list[Any]) -> list[str]:
    return sorted(yaml.safe_dump(each, sort_keys=True) for each in acls)
