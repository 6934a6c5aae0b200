"""What a Ray job gets as its environment: no value of a secret, and a node that lacks one refuses the job."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydantic import SecretStr

from fusionlog.errors import SettingError
from fusionlog.settings import Settings, by_reference, load, with_secrets, without_secrets
from fusionlog.settings.node_secrets import NODE_SECRETS
from fusionlog.settings.secrets import secret_variables
from fusionlog.signing.keys import PrivateKey

PASSWORD = "FUSIONLOG_KAFKA__SASL_PASSWORD"


def test_values_of_secrets_stay_and_their_names_go_along() -> None:
    everything = {name: f"https://me:hush@{name.lower()}" for name in secret_variables(Settings)}
    sent = by_reference(
        Settings, {**everything, "fusionlog_kafka__ssl_key_password": "hush", "FUSIONLOG_SYSTEM": "shop"}
    )
    assert "hush" not in str(sent) and sent["FUSIONLOG_SYSTEM"] == "shop"
    names = sent[NODE_SECRETS].split(",")
    assert PASSWORD in names and "FUSIONLOG_KAFKA__SSL_KEY_PASSWORD" in names
    assert not [name for name in names if name.startswith(("FUSIONLOG_LABEL", "FUSIONLOG_METRICS", "FUSIONLOG_RAY"))]


def test_references_and_what_is_no_secret_are_sent_as_they_are() -> None:
    environment = {
        f"{PASSWORD}_FILE": "/run/secrets/password",
        "FUSIONLOG_SECRETS_DIR": "/run/secrets",
        "FUSIONLOG_LABEL__URL": "https://host/v1",
        PASSWORD: "",
    }
    assert by_reference(Settings, environment) == environment


def test_a_node_without_the_secret_refuses_the_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(NODE_SECRETS, PASSWORD)
    with pytest.raises(SettingError, match=f"{PASSWORD} is None: .*this node has not.*{PASSWORD}_FILE"):
        load()
    (tmp_path / PASSWORD).write_text("hush")
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(tmp_path))
    assert load().kafka.sasl_password == SecretStr("hush")


def test_settings_are_sent_without_secrets_and_completed_where_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "hush")
    monkeypatch.setenv("FUSIONLOG_LABEL__URL", "https://host/v1")
    whole = load(system="shop")
    sent = without_secrets(whole)
    assert (sent.kafka.sasl_password, sent.label.url, sent.system) == (None, whole.label.url, "shop")
    assert with_secrets(sent, load()) == whole


def test_settings_that_were_used_are_sent_without_the_private_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    PrivateKey.generate().write(tmp_path / "key.pem")
    monkeypatch.setenv("FUSIONLOG_SIGNING__KEY_FILE", str(tmp_path / "key.pem"))
    whole = load()
    assert whole.signatures.key is not None
    sent = pickle.loads(pickle.dumps(without_secrets(whole)))
    assert sent.signing.key_file is None or sent.signatures is not whole.signatures
