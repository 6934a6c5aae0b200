"""Every example is installed, upgraded, tested, rolled back and uninstalled on a real control plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import EXAMPLES, Object, Values, example, helm, merged
from tests.helm.cluster import Installation, eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
CHANGED: Values = {
    "logging": {"level": "debug"},
    "systems": {"mill": {"window": {"by": "count", "size": 10}}},
    "workers": {"canary": {"podAnnotations": {"changed": "yes"}}},
    "defaults": {"resources": {"limits": {"memory": "2Gi"}}},
}
STATEFUL = ("ingest", "score", "label")


def variable(pod: Object, name: str) -> Any:
    """A variable of a worker."""
    return {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}[name]


def levels(release: Installation, role: str) -> set[str]:
    """The level of logs that the pods of a role have."""
    return {variable(pod, "FUSIONLOG_LOG_LEVEL") for pod in release.pods(role).values()}


def kept(values: Values) -> set[str]:
    """The kinds of objects that stay after the uninstall on purpose."""
    strimzi = values.get("topics", {}).get("mode") == "strimzi"
    return {"kafkatopic.kafka.strimzi.io"} if strimzi and values["strimzi"].get("keepTopics", True) else set()


def nothing_left(release: Installation, but: set[str]) -> None:
    """Wait until Kubernetes has collected what the release owned."""

    def others() -> set[str]:
        return {each for each in release.cluster.left(release.namespace) if each.split("/")[0] not in but}

    eventually(lambda: not others(), f"{release.namespace} is empty")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_an_example_is_installed_upgraded_tested_rolled_back_and_leaves_nothing(
    release: Installation, path: Path
) -> None:
    values = example(path.stem)
    release.install(values)
    assert all(levels(release, role) == {"info"} for role in STATEFUL)
    assert not release.cluster.names(release.namespace, "jobs") & {"r-fusionlog-setup", "r-fusionlog-keys"}
    before = release.pods("score")

    release.upgrade(merged(values, CHANGED))
    assert all(levels(release, role) == {"debug"} for role in STATEFUL)
    (canary,) = release.pods("canary").values()
    assert canary["metadata"]["annotations"]["changed"] == "yes"
    assert set(release.pods("score")) == set(before)
    release.helm.test(release.name, timeout=60)

    release.rollback()
    assert all(levels(release, role) == {"info"} for role in STATEFUL)
    assert set(release.pods("score")) == set(before)

    release.uninstall()
    nothing_left(release, kept(values))


@pytest.mark.parametrize("keep", [True, False])
def test_generated_keys_and_the_accounts_that_make_and_delete_them_leave_nothing(
    release: Installation, keep: bool
) -> None:
    values = merged(example("minimal"), {"signing": {"enabled": True, "generate": True, "keepKeys": keep}})
    release.install(values)
    release.upgrade(merged(values, CHANGED))
    release.uninstall()
    nothing_left(release, set())


def test_topics_that_stayed_are_taken_over_by_the_next_install_and_go_where_they_are_not_kept(
    release: Installation,
) -> None:
    values = example("strimzi-kuberay-keda")
    release.install(values)
    topics = release.cluster.names(release.namespace, "kafkatopics")
    release.uninstall()
    assert release.cluster.names(release.namespace, "kafkatopics") == topics != set()
    release.install(merged(values, {"strimzi": {"keepTopics": False}}))
    assert release.cluster.names(release.namespace, "kafkatopics") == topics
    release.uninstall()
    nothing_left(release, set())


def test_a_change_of_the_systems_rolls_every_worker_one_stateful_pod_at_a_time(release: Installation) -> None:
    values = merged(example("minimal"), {"defaults": {"replicas": 2}, "workers": {"canary": {"replicas": 1}}})
    release.install(values)
    before = {role: release.pods(role) for role in (*STATEFUL, "canary")}
    release.upgrade(merged(values, {"networkPolicy": {"metricsFrom": []}}))
    assert {role: _ids(release.pods(role)) for role in before} == {role: _ids(pods) for role, pods in before.items()}
    release.upgrade(merged(values, CHANGED))
    for role, pods in before.items():
        assert not _ids(release.pods(role)) & _ids(pods), role
    assert set(release.pods("ingest")) == {"r-fusionlog-ingest-0", "r-fusionlog-ingest-1"}


def _ids(pods: Any) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods.values()}


def test_a_wrong_value_creates_nothing(release: Installation) -> None:
    for wrong in ({"workers": {"score": {"replics": 2}}}, {"systems": {"shop": {"window": {"by": "minute"}}}}):
        with pytest.raises(helm.HelmError, match="schema"):
            release.install(merged(example("minimal"), wrong))
    with pytest.raises(helm.HelmError, match=r"set kafka\.auth\.existingSecret"):
        release.install(merged(example("minimal"), {"kafka": {"securityProtocol": "SASL_SSL"}}))
    assert release.cluster.left(release.namespace) == set()


def test_a_wrong_value_of_an_upgrade_changes_nothing(release: Installation) -> None:
    release.install(example("minimal"))
    before = _ids(release.pods("score"))
    with pytest.raises(helm.HelmError, match="schema"):
        release.upgrade(merged(example("minimal"), {"kafka": {"partitions": 0}}))
    assert _ids(release.pods("score")) == before
    assert [each["revision"] for each in release.helm.history(release.name)] == [1]


def test_an_upgrade_whose_pods_do_not_become_ready_is_rolled_back(release: Installation) -> None:
    release.install(example("minimal"))
    nowhere = {"workers": {"label": {"nodeSelector": {"disk": "none"}}}, "logging": {"level": "debug"}}
    slow = Installation(release.cluster, release.namespace, seconds=15)
    with pytest.raises(helm.HelmError, match="r-fusionlog-label"):
        slow.upgrade(merged(example("minimal"), nowhere), rollback_on_failure=True)
    eventually(lambda: all(levels(release, role) == {"info"} for role in STATEFUL), "the pods are those of before")


def test_workers_that_were_scaled_by_an_autoscaler_stay_over_an_upgrade(release: Installation) -> None:
    scaled = {"autoscaling": {"enabled": True, "engine": "hpa", "minReplicas": 1, "maxReplicas": 4}}
    values = merged(example("minimal"), {"workers": {"score": scaled}})
    release.install(values)
    release.cluster.kubectl("-n", release.namespace, "scale", "statefulset", "r-fusionlog-score", "--replicas=3")
    release.upgrade(merged(values, CHANGED))
    assert len(release.pods("score")) == 3


def test_the_token_of_metrics_is_another_one_for_each_release_and_stays_over_an_upgrade(release: Installation) -> None:
    def token(name: str) -> str:
        (secret,) = release.cluster.get(release.namespace, "secrets", "--field-selector", f"metadata.name={name}")
        return str(secret["data"]["metrics-token"])

    other = Installation(release.cluster, release.namespace, "q")
    release.install(example("minimal"))
    other.install(example("minimal"))
    first = token("r-fusionlog-secrets")
    assert first != token("q-fusionlog-secrets")
    release.upgrade(merged(example("minimal"), CHANGED))
    release.rollback()
    assert token("r-fusionlog-secrets") == first
    release.cluster.kubectl("-n", release.namespace, "delete", "secret", "r-fusionlog-secrets")
    release.upgrade(example("minimal"))
    assert token("r-fusionlog-secrets") not in ("", first)
    other.uninstall()
    assert set(release.pods("score"))
