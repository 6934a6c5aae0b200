"""Wrong values are refused before anything is created, with the value and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import Values, example, merged, refusal

SCALED = {"enabled": True, "minReplicas": 1, "maxReplicas": 3}


def nested(path: str, value: Any) -> dict[str, Any]:
    """A mapping with one value at a dotted path."""
    for name in reversed(path.split("/")):
        value = {name: value}
    return dict(value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("workers/score/replics", 1),
        ("workers/scorer", {"enabled": True}),
        ("workers/score/replicas", "two"),
        ("workers/score/replicas", -1),
        ("workers/score/enabled", "yes"),
        ("workers/score/terminationGracePeriodSeconds", 5),
        ("workers/score/autoscaling/engine", "vpa"),
        ("workers/score/resources/limit", {"memory": "1Gi"}),
        ("workers/score/gpu/count", 0),
        ("defaults/replica", 2),
        ("kafka/securityProtocol", "TLS"),
        ("kafka/saslMechanism", "GSSAPI"),
        ("kafka/bootstrapServers", "kafka"),
        ("kafka/bootstrapServers", "kafka://kafka:9092"),
        ("kafka/bootstrapServers", "me:secret@kafka:9092"),
        ("kafka/partitions", 0),
        ("kafka/topicPrefix", "fusion log."),
        ("kafka/auth/existingSecrets", {"scorer": "x"}),
        ("llm/url", "llm.example/v1"),
        ("llm/url", "https://me:secret@llm.example/v1"),
        ("metrics/port", 80),
        ("metrics/port", 99999),
        ("topics/mode", "auto"),
        ("images/pullPolicy", "Sometimes"),
        ("images/agents/digest", "sha256:abc"),
        ("logging/level", "trace"),
        ("signing/existingSecrets", {"operator": "x"}),
        ("settings", {"FUSIONLOG_SCORE__THREDS": 1}),
        ("settings", {"FUSIONLOG_SCORE__THREADS": 0}),
        ("settings", {"FUSIONLOG_SCORE__PROVIDER": "rocm"}),
        ("settings", {"FUSIONLOG_DISTILL__REPLAY": 1.5}),
        ("settings", {"FUSIONLOG_METHOD": "magic"}),
        ("settings", {"FUSIONLOG_LABEL__API_KEY": "secret"}),
        ("settings", {"FUSIONLOG_KAFKA__SASL_PASSWORD": "secret"}),
        ("settings", {"FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": "other:9092"}),
        ("workers/score/settings", {"FUSIONLOG_SCORE__THREADS": "many"}),
        ("systems/shop/windows", {"by": "session"}),
        ("systems/shop/window/by", "minute"),
        ("systems/shop/window/max_events", 0),
        ("systems/shop/method", "magic"),
        ("systems/my shop", {}),
        ("systems/fusionlog-canary", {}),
        ("notifications/targets/a b", {"type": "slack", "url": "https://h"}),
        ("notifications/targets/a/type", "pager"),
        ("notifications/targets/a/severty", "error"),
        ("ray/workerGroups", [{"name": "cpu"}]),
        ("ray/distill/schedule", "hourly"),
        ("monitoring/prometheusUrl", "prometheus:9090"),
        ("monitoring/serviceMonitor/interval", "often"),
        ("networkPolicy/kafka/ports", ["kafka"]),
        ("global", "x"),
        ("kafak", {}),
    ],
)  # fmt: skip
def test_the_schema_refuses(path: str, value: Any) -> None:
    report = refusal(merged(example("minimal"), nested(path, value)))
    assert "schema" in report and any(place in report for place in path.split("/"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kafka": {"bootstrapServers": ""}}, "kafka.bootstrapServers is empty"),
        ({"kafka": {"securityProtocol": "SASL_SSL"}}, "set kafka.auth.existingSecret"),
        (
            {"kafka": {"securityProtocol": "SASL_SSL", "auth": {"existingSecrets": {"ingest": "a"}}}},
            "needs a login for canary: set kafka.auth.existingSecret, kafka.auth.existingSecrets.canary",
        ),
        (
            {
                "kafka": {
                    "securityProtocol": "SASL_SSL",
                    "saslMechanism": "OAUTHBEARER",
                    "auth": {"existingSecret": "a"},
                }
            },
            "kafka.auth.oauth.url is empty",
        ),
        ({"existingSystemsConfigMap": "systems"}, "systems and existingSystemsConfigMap are both set"),
        ({"systems": None}, "systems is empty"),
        ({"workers": {"score": {"replicas": 5}}}, "workers.score may be 5 workers"),
        ({"workers": {"label": {"autoscaling": {"enabled": True, "maxReplicas": 9}}}}, "kafka.partitions=4"),
        (
            {"workers": {"ingest": {"autoscaling": {**SCALED, "minReplicas": 4}}}},
            "workers.ingest.autoscaling.minReplicas is above maxReplicas",
        ),
        ({"workers": {"ingest": {"autoscaling": SCALED}}}, "monitoring.prometheusUrl"),
        ({"workers": {"canary": {"autoscaling": SCALED}}}, "canary is not scaled by load"),
        ({"workers": {"explain": {"enabled": True}}}, "set llm.url"),
        ({"workers": {"train": {"enabled": True}}}, "workers.train.enabled needs a Ray: set ray.enabled"),
        (
            {"workers": {"train": {"enabled": True}}, "ray": {"enabled": True, "distill": {"enabled": True}}},
            "workers.train.enabled and ray.distill.enabled both train the systems",
        ),
        ({"workers": {"notify": {"enabled": True}}}, "set notifications.targets"),
        ({"llm": {"urlKey": "url"}}, "llm.urlKey is a key of llm.existingSecret"),
        ({"signing": {"enabled": True}}, "set signing.generate, signing.publicKeysConfigMap"),
        ({"signing": {"enabled": True, "publicKeysConfigMap": "keys"}}, "is empty: name the secret of the private key"),
        ({"topics": {"mode": "strimzi"}}, "strimzi.cluster"),
        (
            {
                "strimzi": {"cluster": "main", "users": {"enabled": True}},
                "kafka": {"securityProtocol": "SASL_SSL"},
            },
            "kafka.auth.existingSecrets.cli",
        ),
        (
            {
                "strimzi": {"cluster": "main", "users": {"enabled": True, "authentication": "tls"}},
                "topics": {"mode": "strimzi"},
                "kafka": {"securityProtocol": "SASL_SSL"},
            },
            "authentication=tls needs kafka.securityProtocol=SSL",
        ),
        (
            {"ray": {"enabled": True, "autoscaler": {"enabled": False}, "distill": {"enabled": True}}},
            "ray.workerGroups has no worker",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_way_out(changes: Values, named: str) -> None:
    assert named in refusal(merged(example("minimal"), changes))
