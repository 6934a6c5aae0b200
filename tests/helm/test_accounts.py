"""What a server takes of the chart, and what its service accounts may do there."""

from __future__ import annotations

import json
import runpy
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionlog.signing.key_set import read_key_set
from tests.helm.chart import CHART, EXAMPLES, Object, example, merged, named, of_kind, render
from tests.helm.cluster import Cluster, Installation
from tests.helm.test_rendering import SWITCHES

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
GENERATED = {"signing": {"enabled": True, "generate": True, "keepKeys": False}}


def objects(values: Any, namespace: str) -> list[Object]:
    """The objects of a release, those of Strimzi in its namespace, too."""
    found = render(values, namespace=namespace)
    return [each for each in found if each["metadata"].get("namespace", namespace) == namespace]


@pytest.mark.parametrize("case", [*(path.stem for path in EXAMPLES), *SWITCHES])
def test_a_strict_server_takes_every_object(cluster: Cluster, namespace: str, case: str) -> None:
    values = merged(example("minimal"), SWITCHES[case]) if case in SWITCHES else example(case)
    found = objects(values, namespace)
    assert found
    _apply(cluster, of_kind(found, "ServiceAccount"))
    assert cluster.refused(namespace, found) == ""


def test_a_strict_server_refuses_a_misspelt_field_and_a_pod_that_the_profile_does_not_allow(
    cluster: Cluster, namespace: str
) -> None:
    found = objects(example("gpu"), namespace)
    ray = named(found, "RayCluster", "-ray")
    ray["spec"]["headGroupSpec"]["rayStartParam"] = {}
    assert "rayStartParam" in cluster.refused(namespace, [ray])
    _apply(cluster, of_kind(found, "ServiceAccount"))
    (test,) = of_kind(found, "Pod")
    test["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert "restricted" in cluster.refused(namespace, [test])


def _apply(cluster: Cluster, found: list[Object]) -> None:
    """Make objects that others need: a pod is not admitted without its account."""
    for each in found:
        cluster.kubectl("apply", "-f", "-", text=json.dumps(each))


def rules(cluster: Cluster, namespace: str, account: str) -> set[str]:
    """The rules that hold for an account in its namespace, a line each."""
    words = ("-n", namespace, "auth", "can-i", "--list", "--no-headers")
    lines = cluster.kubectl(*words, f"--as=system:serviceaccount:{namespace}:{account}").splitlines()
    return {" ".join(line.split()) for line in lines}


def test_no_account_may_do_anything_but_that_of_rays_autoscaler(release: Installation) -> None:
    release.install(merged(example("strimzi-kuberay-keda"), {"topics": {"mode": "strimzi"}}))
    cluster, namespace = release.cluster, release.namespace
    accounts = cluster.names(namespace, "serviceaccounts")
    everybody = rules(cluster, namespace, "default")
    assert {"r-fusionlog-ingest", "r-fusionlog-setup", "r-fusionlog-submit", "r-fusionlog-ray"} < accounts
    for account in accounts - {"default", "r-fusionlog-ray"}:
        assert rules(cluster, namespace, account) == everybody, account
    own = rules(cluster, namespace, "r-fusionlog-ray") - everybody
    assert own and all(line.startswith(("pods ", "rayclusters.ray.io ", "pods/resize ")) for line in own), own
    outside = f"--as=system:serviceaccount:{namespace}:r-fusionlog-ray"
    for verb, resource in (("get", "secrets"), ("create", "pods"), ("get", "pods -n default")):
        assert cluster.call("-n", namespace, "auth", "can-i", verb, *resource.split(), outside).stdout.strip() == "no"
    for account in accounts:
        for pod in cluster.get(namespace, "pods", "--field-selector", f"spec.serviceAccountName={account}"):
            assert pod["spec"]["automountServiceAccountToken"] is (account == "r-fusionlog-ray")


def test_the_account_that_makes_the_keys_makes_them_and_reads_none(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    hooks = [each for each in objects(merged(example("minimal"), GENERATED), namespace)
             if each["kind"] in ("ServiceAccount", "Role", "RoleBinding")]  # fmt: skip
    _apply(cluster, hooks)
    script = runpy.run_path(str(CHART / "files" / "keep_keys.py"))
    assert script["make"](_client(script, cluster, namespace, "r-fusionlog-keys"), "r-fusionlog") == "the keys are made"
    (public,) = cluster.get(namespace, "configmaps", "--field-selector", "metadata.name=r-fusionlog-public-keys")
    (tmp_path / "keys").write_text(public["data"]["public-keys.json"])
    assert read_key_set(tmp_path / "keys").of("trainer")
    made = _client(script, cluster, namespace, "r-fusionlog-keys")
    assert script["make"](made, "r-fusionlog") == "the keys are there"
    for place in ("secrets/r-fusionlog-key-label", "secrets", "configmaps/kube-root-ca.crt", "pods"):
        with pytest.raises(SystemExit, match="403"):
            made("GET", place, None)
    with pytest.raises(SystemExit, match="403"):
        made(
            "PATCH",
            "secrets/another?fieldManager=x",
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "another"}},
        )
    with pytest.raises(SystemExit, match="403"):
        made("DELETE", "secrets/r-fusionlog-key-label", None)
    gone = _client(script, cluster, namespace, "r-fusionlog-no-keys")
    assert script["delete"](gone, "r-fusionlog") == "the keys are deleted"
    assert not {name for name in cluster.names(namespace, "secrets") if "-key-" in name}


def _client(script: dict[str, Any], cluster: Cluster, namespace: str, account: str) -> Any:
    """Requests to the API server with the token of an account."""
    token = cluster.kubectl("-n", namespace, "create", "token", account).strip()
    config = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify"))
    server = config["clusters"][0]["cluster"]
    (root,) = cluster.get(namespace, "configmaps", "--field-selector", "metadata.name=kube-root-ca.crt")
    context = ssl.create_default_context(cadata=root["data"]["ca.crt"])
    return script["client"](f"{server['server']}/api/v1/namespaces/{namespace}", token, context)
