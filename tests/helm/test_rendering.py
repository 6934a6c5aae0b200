"""Every example, and every switch on its own, renders to objects that Kubernetes and the operators take."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.helm.chart import (
    CHART,
    CRDS,
    EXAMPLES,
    NAMESPACE,
    Object,
    Values,
    containers,
    custom_schemas,
    example,
    helm,
    merged,
    named,
    native_schema,
    of_kind,
    pods,
    render,
)

OLDEST, NEWEST = "1.29.0", "1.37.0"
"""The Kubernetes that Chart.yaml names, and the newest one whose schemas are there."""
SCALED: Values = {"enabled": True, "minReplicas": 1, "maxReplicas": 3}
SWITCHES: dict[str, Values] = {
    "names": {"nameOverride": "a" * 63, "fullnameOverride": "b" * 40, "commonLabels": {"team": "logs"}},
    "annotations": {"commonAnnotations": {"owner": "logs"}},
    "sasl": {
        "kafka": {"securityProtocol": "SASL_SSL", "auth": {"existingSecret": "login"}, "tls": {"caSecret": "authority"}}
    },
    "given-login": {
        "kafka": {"securityProtocol": "SASL_PLAINTEXT", "auth": {"username": "me", "password": "a: '\"\n#"}}
    },
    "oauth": {
        "kafka": {
            "securityProtocol": "SASL_SSL", "saslMechanism": "OAUTHBEARER",
            "auth": {"existingSecret": "client", "oauth": {"url": "https://idp.example:8443/token", "scope": "kafka"}},
        }
    },
    "mutual-tls": {
        "kafka": {"securityProtocol": "SSL", "tls": {"clientSecret": "certificate", "keyPasswordKey": "password"}}
    },
    "llm": {"llm": {"url": "https://llm.example/v1", "apiKey": "key"}, "workers": {"explain": {"enabled": True}}},
    "llm-secret-url": {
        "llm": {"existingSecret": "llm", "urlKey": "url"}, "workers": {"explain": {"enabled": True}}
    },
    "notify": {
        "notifications": {
            "existingSecret": "hooks",
            "targets": {
                "oncall": {"type": "slack", "url_file": "/run/secrets/notifications/url"},
                "alerts": {"type": "alertmanager", "url": "http://me:p@alerts.monitoring:9093/x", "labels": {"a": "b"}},
            },
        },
        "workers": {"notify": {"enabled": True, "replicas": 2}},
    },
    "signing": {
        "signing": {
            "enabled": True, "publicKeys": "{}", "existingSecrets": {"trainer": "t", "label": "l", "score": "s"}
        }
    },
    "signing-generated": {"signing": {"enabled": True, "generate": True, "keepKeys": False}},
    "topics-strimzi": {"topics": {"mode": "strimzi"}, "strimzi": {"cluster": "main", "namespace": "kafka"}},
    "strimzi-tls": {
        "kafka": {"securityProtocol": "SSL"}, "topics": {"mode": "strimzi"},
        "strimzi": {"cluster": "main", "users": {"enabled": True, "authentication": "tls"}},
    },
    "odd-system": {
        "systems": {"_Odd.Name-": {"repartition": True}}, "topics": {"mode": "strimzi"}, "strimzi": {"cluster": "main"},
        "kafka": {"topicPrefix": "_", "rawPrefix": ""}, "ray": {"enabled": True, "distill": {"enabled": True}},
    },
    "topics-none": {"topics": {"mode": "none"}},
    "no-base": {"topics": {"publishBase": False}},
    "keda": {
        "workers": {each: {"autoscaling": SCALED} for each in ("ingest", "score", "label")},
        "monitoring": {"prometheusUrl": "http://prometheus:9090"},
    },
    "hpa": {
        "workers": {each: {"autoscaling": {**SCALED, "engine": "hpa"}} for each in ("ingest", "score", "label")},
    },
    "gpu": {"workers": {"score": {"gpu": {"enabled": True, "count": 2}, "runtimeClassName": "nvidia"}}},
    "placement": {
        "defaults": {
            "nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "logs", "operator": "Exists"}],
            "priorityClassName": "high", "topologySpread": [], "podAnnotations": {"a": "b"}, "podLabels": {"c": "d"},
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}}},
        }
    },
    "extras": {
        "defaults": {
            "extraEnv": [{"name": "TZ", "value": "UTC"}], "extraVolumes": [{"name": "encoder", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "encoder", "mountPath": "/encoder"}],
            "extraEgress": [{"ports": [{"port": 4317}]}], "serviceAccountAnnotations": {"role": "arn"},
        },
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
    },
    "no-accounts": {"serviceAccount": {"create": False}},
    "no-policies": {"networkPolicy": {"enabled": False}},
    "no-tests": {"tests": {"enabled": False}},
    "no-canary": {"workers": {"canary": {"enabled": False}}},
    "existing-systems": {"systems": None, "existingSystemsConfigMap": "systems"},
    "monitoring": {
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "p"}}, "dashboard": {"enabled": True},
            "rules": {"enabled": True, "disabled": ["FusionLogLabelBehind"], "alertLabels": {"team": "logs"}},
        }
    },
    "ray": {"ray": {"enabled": True, "metaTrain": {"enabled": True}, "distill": {"enabled": True}}},
    "ray-fixed": {
        "ray": {
            "enabled": True, "autoscaler": {"enabled": False}, "auth": {"existingSecret": "ray-token"},
            "distill": {"enabled": True, "systems": ["shop"], "sources": ["kafka"], "data": "/data"},
            "workerGroups": [
                {"name": "gpu", "replicas": 1, "minReplicas": 0, "maxReplicas": 2, "gpuCount": 1,
                 "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}}
            ],
        }
    },
}  # fmt: skip
EXCLUSIVE = (
    {"topics-strimzi", "existing-systems"}, {"ray-fixed", "existing-systems"}, {"keda", "hpa"},
    {"llm", "llm-secret-url"},
    *({"strimzi-tls", each} for each in ("sasl", "given-login", "oauth", "topics-none", "existing-systems")),
    {"odd-system", "existing-systems"}, {"odd-system", "topics-none"},
)  # fmt: skip
"""Switches that contradict each other: what the first needs the second takes away."""


DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
VALID: set[str] = set()
"""Objects that passed already: most are the same under each switch."""


def check(objects: list[Object]) -> None:
    """Check every object by its schema; no two are of one name."""
    for each in objects:
        name = each["metadata"]["name"]
        assert each["metadata"].get("namespace"), f"{each['kind']} {name} has no namespace"
        assert DNS_NAME.fullmatch(name) and (len(name) <= 63 or each["kind"] == "KafkaTopic"), name
        if (text := json.dumps(each, sort_keys=True)) not in VALID:
            _check_schema(each)
            VALID.add(text)
    keys = [(each["kind"], each["metadata"]["name"], _hook(each)) for each in objects]
    assert len(keys) == len(set(keys))


def _check_schema(each: Object) -> None:
    """Check an object by Kubernetes' own schemas, the oldest and the newest, else by that of its custom resource."""
    group = each["apiVersion"].split("/")[0]
    if "." not in group or group.endswith(".k8s.io"):
        for version in (OLDEST, NEWEST):
            native_schema(version, each["apiVersion"], each["kind"]).validate(each)
    elif CRDS.is_dir():
        custom_schemas()[each["apiVersion"], each["kind"]].validate(each)


def _hook(each: Object) -> str:
    return str((each["metadata"].get("annotations") or {}).get("helm.sh/hook", ""))


def ids(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=ids)
def test_an_example_passes_lint_and_every_schema(path: Path) -> None:
    values = example(path.stem)
    report = helm.lint(str(CHART), values, strict=True)
    assert not report["errors"] and not [each for each in report["messages"] if each["severity"] > 1], report
    check(render(values))


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_renders_to_valid_objects(switch: str) -> None:
    check([each for each in render(merged(example("minimal"), SWITCHES[switch])) if each["metadata"].get("namespace")])


@pytest.mark.long
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(SWITCHES, 2)))
def test_two_switches_render_to_valid_objects(one: str, other: str) -> None:
    if any({one, other} == each for each in EXCLUSIVE):
        pytest.skip("the switches contradict each other")
    values = merged(merged(example("minimal"), SWITCHES[one]), SWITCHES[other])
    check([each for each in render(values) if each["metadata"].get("namespace")])


@pytest.mark.skipif(not CRDS.is_dir(), reason="no definitions of the operators' resources beside the checkout")
def test_a_misspelt_field_of_a_custom_resource_is_found() -> None:
    cluster = named(render(example("gpu")), "RayCluster", "-ray")
    cluster["spec"]["headGroupSpec"]["rayStartParam"] = {}
    with pytest.raises(jsonschema.ValidationError, match="rayStartParam"):
        check([cluster])


def test_a_misspelt_field_of_an_object_of_kubernetes_is_found() -> None:
    worker = named(render(example("minimal")), "StatefulSet", "-score")
    worker["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(jsonschema.ValidationError, match="readinesProbe"):
        check([worker])


@pytest.mark.parametrize("case", [*(path.stem for path in EXAMPLES), "signing-generated", "no-base"])
def test_every_pod_meets_the_restricted_profile(case: str) -> None:
    for each in render(merged(example("minimal"), SWITCHES[case]) if case in SWITCHES else example(case)):
        for pod in pods(each):
            _check_pod(pod)


def _check_pod(pod: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True and context["runAsUser"] > 0
    assert context["seccompProfile"]["type"] == "RuntimeDefault"
    assert pod["automountServiceAccountToken"] is (pod["containers"][0]["name"] in ("ray-head", "keys"))
    for container in containers(pod):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"]) and "memory" in resources["limits"]
        assert {each["name"] for each in container["volumeMounts"]} <= {each["name"] for each in pod["volumes"]}


def test_a_change_of_the_systems_rolls_the_workers_and_nothing_else_does() -> None:
    def templates(values: Values) -> dict[str, Any]:
        return {
            each["metadata"]["name"]: each["spec"]["template"]
            for each in render(values) if each["kind"] in ("StatefulSet", "Deployment")
        }  # fmt: skip

    before = templates(example("minimal"))
    same = templates(merged(example("minimal"), {"monitoring": {"rules": {"enabled": True}}}))
    changed = templates(merged(example("minimal"), {"systems": {"shop": {"session": "id=(\\d+)"}}}))
    assert before == same
    assert all(before[name] != changed[name] for name in before)


def test_ingest_score_and_label_are_static_members_and_the_others_are_not() -> None:
    objects = render(merged(example("production"), {}))
    stateful = of_kind(objects, "StatefulSet")
    assert {each["metadata"]["name"] for each in stateful} == {f"r-fusionlog-{x}" for x in ("ingest", "score", "label")}
    assert {each["metadata"]["name"] for each in of_kind(objects, "Deployment")} == {
        "r-fusionlog-explain", "r-fusionlog-incidents", "r-fusionlog-notify", "r-fusionlog-canary"
    }  # fmt: skip
    for each in (*stateful, *of_kind(objects, "Deployment")):
        (worker,) = each["spec"]["template"]["spec"]["containers"]
        members = [env for env in worker["env"] if env["name"] == "FUSIONLOG_KAFKA__GROUP_INSTANCE_ID"]
        assert bool(members) == (each["kind"] == "StatefulSet")


def test_every_pod_but_rays_nodes_runs_where_the_defaults_place_workers() -> None:
    values = merged(merged(example("gpu"), SWITCHES["signing-generated"]), SWITCHES["placement"])
    placed = {}
    for each in render(values):
        for pod in pods(each):
            if not pod["containers"][0]["name"].startswith(("ray-head", "ray-worker")):
                placed[each["kind"], each["metadata"]["name"], pod["containers"][0]["name"]] = pod
    assert {"keys", "base", "line", "distill", "ray-job-submitter"} <= {name for *_, name in placed}
    for name, pod in placed.items():
        assert pod["nodeSelector"] == {"disk": "fast"} and pod["priorityClassName"] == "high", name
        assert pod["tolerations"] and pod["affinity"], name


def test_a_train_worker_reaches_ray_with_its_token_and_has_the_settings_of_its_jobs() -> None:
    changes = {
        "workers": {"train": {"enabled": True}}, "settings": {"FUSIONLOG_DISTILL__STEPS": 1},
        "ray": {"enabled": True, "settings": {"FUSIONLOG_DISTILL__STEPS": 2}},
    }  # fmt: skip
    objects = render(merged(example("minimal"), changes))
    (pod,) = pods(named(objects, "Deployment", "-train"))
    (worker,) = pod["containers"]
    values = {each["name"]: each.get("value") for each in worker["env"]}
    assert values["FUSIONLOG_RAY_ADDRESS"] == "http://r-fusionlog-ray-head-svc.demo.svc.cluster.local:8265"
    assert values["FUSIONLOG_DISTILL__STEPS"] == "2" and "r-fusionlog-ray" in _secrets(pod)
    here, ray = (named(objects, "NetworkPolicy", name)["spec"] for name in ("-train", "-ray"))
    assert [port["port"] for rule in here["egress"] for port in rule.get("ports", ())].count(8265) == 1
    peers = [peer for rule in ray["ingress"] for peer in rule["from"]]
    assert any(peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component") == "train"
               for peer in peers)  # fmt: skip


def test_no_variable_is_set_twice() -> None:
    for each in render(example("production")):
        for pod in pods(each):
            for container in containers(pod):
                names = [env["name"] for env in container.get("env", ())]
                assert len(names) == len(set(names))


def test_the_set_up_runs_before_the_workers_with_what_is_its_own_and_leaves_nothing() -> None:
    objects = render(merged(example("minimal"), SWITCHES["given-login"]))
    job = named(objects, "Job", "-setup")
    own = [each for each in objects if _hook(each).startswith("pre-")]
    kinds = {each["kind"] for each in own}
    assert {"Job", "ConfigMap", "Secret", "ServiceAccount", "NetworkPolicy"} <= kinds
    for each in own:
        assert each["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    names = {each["metadata"]["name"] for each in own}
    (pod,) = pods(job)
    assert pod["serviceAccountName"] in names
    for volume in pod["volumes"]:
        sources = [volume.get("configMap"), *(s.get("secret") for s in volume.get("projected", {}).get("sources", ()))]
        assert {source["name"] for source in sources if source} <= names


def test_a_key_or_a_login_is_mounted_by_its_owner_alone() -> None:
    secrets = {}
    for each in render(example("production")):
        for pod in pods(each):
            if each["kind"] in ("StatefulSet", "Deployment", "Job"):
                secrets[each["metadata"]["name"].removeprefix("r-fusionlog-")] = _secrets(pod)
    for role in ("ingest", "score", "label", "explain", "incidents", "notify", "canary"):
        assert {name for name in secrets[role] if name.startswith("kafka-")} == {f"kafka-{role}", "kafka-authority"}
        assert ("llm" in secrets[role]) == (role in ("label", "explain"))
        keys = {name for name in secrets[role] if name.endswith("-key")}
        assert keys == ({f"fusionlog-{role}-key"} if role in ("score", "label") else set())
    assert "fusionlog-trainer-key" in secrets["setup"] and "kafka-cli" in secrets["setup"]


def _secrets(pod: dict[str, Any]) -> set[str]:
    volumes = [each for volume in pod["volumes"] for each in volume.get("projected", {}).get("sources", [volume])]
    found = [each["secret"] for each in volumes if "secret" in each]
    return {each.get("name", each.get("secretName")) for each in found}


@pytest.mark.parametrize("path", EXAMPLES, ids=ids)
def test_every_pod_has_a_policy_that_denies_what_it_does_not_name(path: Path) -> None:
    objects = render(example(path.stem))
    selected = [each["spec"]["podSelector"]["matchLabels"] for each in of_kind(objects, "NetworkPolicy")]
    for policy in of_kind(objects, "NetworkPolicy"):
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert all(rule for rule in (*policy["spec"]["ingress"], *policy["spec"]["egress"]))
    labels = [each["metadata"]["labels"] for each in _templates(objects)]
    assert labels
    for each in labels:
        assert any(wanted.items() <= each.items() for wanted in selected), each


def _templates(value: Any) -> list[dict[str, Any]]:
    """Whatever has metadata and the spec of a pod."""
    if isinstance(value, list):
        return [found for each in value for found in _templates(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if "metadata" in value and "containers" in (value.get("spec") or {}) else []
    return [*own, *(found for each in value.values() for found in _templates(each))]


def test_the_llm_is_reached_at_the_port_of_its_url_and_by_those_that_ask_it_alone() -> None:
    values = merged(example("minimal"), {"llm": {"url": "http://llm.example:8080/v1"}})
    policies = {
        each["metadata"]["name"]: [port["port"] for rule in each["spec"]["egress"] for port in rule["ports"]]
        for each in of_kind(render(values), "NetworkPolicy")
    }
    assert 8080 in policies["r-fusionlog-label"]
    assert 8080 not in policies["r-fusionlog-score"]


def test_no_object_lies_in_another_namespace_but_those_of_strimzi() -> None:
    objects = render(merged(example("strimzi-kuberay-keda"), {"strimzi": {"namespace": "kafka"}}))
    outside = {each["kind"] for each in objects if each["metadata"]["namespace"] != NAMESPACE}
    assert outside == {"KafkaTopic", "KafkaUser"}


def test_the_notify_worker_may_reach_its_targets_and_is_rolled_by_a_change_of_them() -> None:
    values = merged(example("minimal"), SWITCHES["notify"])
    objects = render(values)
    policy = named(objects, "NetworkPolicy", "-notify")
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert {443, 9093} <= ports
    (pod,) = pods(named(objects, "Deployment", "-notify"))
    mounts = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert {"/etc/fusionlog/notifications.yaml", "/run/secrets/notifications"} <= mounts
    changed = render(merged(values, {"notifications": {"targets": {"oncall": {"severity": "error"}}}}))
    for role, differs in (("-notify", True), ("-incidents", False)):
        before, after = (
            named(each, "Deployment", role)["spec"]["template"]["metadata"]["annotations"]
            for each in (objects, changed)
        )
        assert (before != after) is differs
