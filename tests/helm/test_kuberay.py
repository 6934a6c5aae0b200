"""KubeRay's operator makes pods of the chart's cluster and job, and follows a change of them."""

from __future__ import annotations

import json

import pytest

from tests.helm.chart import Object, Values, example, helm, merged
from tests.helm.cluster import Installation, eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
FIXED: Values = {"ray": {"autoscaler": {"enabled": False}}}


def nodes(release: Installation, group: str) -> int:
    """The pods of a group of Ray that are not being deleted."""
    pods = release.cluster.get(release.namespace, "pods", "-l", f"ray.io/group={group}")
    return len([each for each in pods if "deletionTimestamp" not in each["metadata"]])


def group(replicas: int) -> Values:
    """The number of workers of the group without a GPU."""
    groups = [dict(each) for each in example("gpu")["ray"]["workerGroups"]]
    groups[0]["replicas"] = replicas
    return {"ray": {"workerGroups": groups}}


def job(release: Installation) -> Object:
    """The job of meta-training."""
    (found,) = release.cluster.get(release.namespace, "rayjobs")
    return found


def test_a_cluster_has_a_head_and_the_workers_of_its_groups_and_follows_a_change_of_replicas(
    release: Installation,
) -> None:
    values = merged(example("gpu"), FIXED)
    release.install(merged(values, group(1)))
    eventually(
        lambda: (nodes(release, "headgroup"), nodes(release, "cpu"), nodes(release, "gpu")) == (1, 1, 0), "1 worker"
    )
    release.upgrade(merged(values, group(3)))
    eventually(lambda: nodes(release, "cpu") == 3, "3 workers")
    release.upgrade(merged(values, group(1)))
    eventually(lambda: nodes(release, "cpu") == 1, "1 worker again")
    release.uninstall()
    eventually(lambda: not release.cluster.get(release.namespace, "pods"), "no pod of Ray")


def test_meta_training_is_submitted_once_after_the_install_with_rays_token(release: Installation) -> None:
    release.install(example("gpu"))
    eventually(lambda: job(release)["status"].get("jobDeploymentStatus") == "Running", "the job runs")
    (pod,) = release.cluster.get(release.namespace, "pods", "-l", "job-name=r-fusionlog-meta-train")
    (container,) = pod["spec"]["containers"]
    assert "python -m ray_jobs.meta_train --source kafka" in container["args"][0]
    token = next(each for each in container["env"] if each["name"] == "RAY_AUTH_TOKEN")
    assert token["valueFrom"]["secretKeyRef"]["name"] in release.cluster.names(release.namespace, "secrets")
    before = job(release)["metadata"]["uid"]
    release.upgrade(merged(example("gpu"), {"workers": {"label": {"replicas": 2}}}))
    assert job(release)["metadata"]["uid"] == before


def test_meta_training_can_be_switched_off(release: Installation) -> None:
    release.install(merged(example("gpu"), {"ray": {"metaTrain": {"enabled": False}, "distill": {"enabled": False}}}))
    assert not release.cluster.get(release.namespace, "rayjobs")
    assert not release.cluster.get(release.namespace, "cronjobs")


def test_a_job_of_meta_training_that_was_switched_off_later_goes_with_the_release(release: Installation) -> None:
    release.install(example("gpu"))
    release.upgrade(merged(example("gpu"), {"ray": {"metaTrain": {"enabled": False}}}))
    release.uninstall()
    eventually(lambda: not release.cluster.get(release.namespace, "rayjobs"), "no job of Ray")


def test_a_distillation_a_system_is_submitted_by_its_schedule(release: Installation) -> None:
    release.install(example("gpu"))
    (schedule,) = release.cluster.get(release.namespace, "cronjobs")
    name = schedule["metadata"]["name"]
    release.cluster.kubectl("-n", release.namespace, "create", "job", "now", f"--from=cronjob/{name}")
    eventually(lambda: release.cluster.get(release.namespace, "pods", "-l", "job-name=now"), "a pod of the job")
    (pod,) = release.cluster.get(release.namespace, "pods", "-l", "job-name=now")
    assert pod["spec"]["containers"][0]["args"] == ["--system", "shop"]


def test_an_upgrade_keeps_the_workers_that_rays_autoscaler_made(release: Installation) -> None:
    release.install(example("gpu"))
    _scale(release, 3)
    eventually(lambda: nodes(release, "cpu") == 3, "3 workers")
    release.upgrade(merged(example("gpu"), {"workers": {"label": {"replicas": 2}}}))
    assert nodes(release, "cpu") == 3
    idle = min(release.cluster.names(release.namespace, "pods", "-l", "ray.io/group=cpu"))
    _scale(release, 2, idle)
    release.upgrade(merged(example("gpu"), {"workers": {"label": {"replicas": 1}}}))
    eventually(lambda: nodes(release, "cpu") == 2, "2 workers")


def test_a_change_of_rays_pods_after_its_autoscaler_acted_is_a_conflict_that_names_the_cluster(
    release: Installation,
) -> None:
    release.install(example("gpu"))
    _scale(release, 3)
    with pytest.raises(helm.HelmError, match=r"conflict.*workerGroupSpecs"):
        release.upgrade(merged(example("gpu"), {"ray": {"settings": {"FUSIONLOG_DISTILL__ROUNDS": 2}}}))


def _scale(release: Installation, workers: int, *idle: str) -> None:
    """Change the number of a group's workers, and name those that end, as Ray's autoscaler does it."""
    place = "/spec/workerGroupSpecs/0"
    change = [
        {"op": "replace", "path": f"{place}/replicas", "value": workers},
        {"op": "add", "path": f"{place}/scaleStrategy", "value": {"workersToDelete": list(idle)}},
    ]
    patch = ("patch", "raycluster", "r-fusionlog-ray", "--field-manager=autoscaler", "--type=json")
    release.cluster.kubectl("-n", release.namespace, *patch, "-p", json.dumps(change))
