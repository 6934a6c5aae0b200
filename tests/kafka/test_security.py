"""Login and TLS from the settings: what is missing or wrong is one sentence that names the setting."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from fusionlog.errors import SettingError
from fusionlog.kafka.security import security, ssl_context
from fusionlog.settings import KafkaSettings
from tests.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("name", ["cafile", "certfile", "keyfile"])
@pytest.mark.parametrize(("kind", "problem"), [("missing", "there is no such file"), ("directory", "Is a directory")])
def test_a_file_that_cannot_be_read_names_its_setting(tmp_path: Path, name: str, kind: str, problem: str) -> None:
    path = tmp_path if kind == "directory" else tmp_path / "none.pem"
    with pytest.raises(SettingError, match=f"FUSIONLOG_KAFKA__SSL_{name.upper()} is '{path}'.*{problem}"):
        ssl_context(KafkaSettings(**{f"ssl_{name}": path}))  # type: ignore[arg-type]


def test_a_file_that_holds_no_certificate_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(SettingError, match=r"SSL_CAFILE.*not PEM certificates"):
        ssl_context(KafkaSettings(ssl_cafile=tmp_path / "ca.pem"))


def test_a_certificate_and_its_key_may_be_one_file(authority: Authority) -> None:
    assert isinstance(ssl_context(KafkaSettings(ssl_certfile=authority.store("both"))), ssl.SSLContext)


@pytest.mark.parametrize("password", [None, "hush"])
def test_a_key_may_be_encrypted(authority: Authority, password: str | None) -> None:
    certificate, key = authority.issue("client", password=password)
    ssl_context(KafkaSettings(ssl_certfile=certificate, ssl_keyfile=key, ssl_key_password=password))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ssl_keyfile": "encrypted"}, "SSL_CERTFILE is None: the key .*encrypted.key needs its certificate"),
        ({"ssl_certfile": "client"}, "SSL_CERTFILE is .*no PEM private key in it; .*SSL_KEYFILE"),
        ({"ssl_certfile": "client", "ssl_keyfile": "other"}, "SSL_KEYFILE is .*other.key': it is not the key of"),
        (
            {"ssl_certfile": "encrypted", "ssl_keyfile": "encrypted"},
            "SSL_KEY_PASSWORD is None: the key .* is encrypted: set .*SSL_KEY_PASSWORD_FILE",
        ),
        (
            {"ssl_certfile": "encrypted", "ssl_keyfile": "encrypted", "ssl_key_password": "wrong-1f"},
            r"SSL_KEY_PASSWORD is set \(its value is not shown\): it does not decrypt the key",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_named(authority: Authority, fields: dict[str, Any], sentence: str) -> None:
    files = {name: authority.issue(name) for name in ("client", "other")}
    files["encrypted"] = authority.issue("encrypted", password="hush")
    found = {
        name: value if name == "ssl_key_password" else files[value][name == "ssl_keyfile"]
        for name, value in fields.items()
    }
    with pytest.raises(SettingError, match=sentence) as raised:
        ssl_context(KafkaSettings(**found))
    assert "wrong-1f" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"sasl_username": "me"}, "SASL_PASSWORD"),
        ({"sasl_password": "hush"}, "SASL_USERNAME"),
        ({"sasl_mechanism": "OAUTHBEARER"}, "OAUTH_URL"),
        ({"sasl_mechanism": "OAUTHBEARER", "oauth_url": "https://host/token"}, "OAUTH_CLIENT_ID"),
        (
            {"sasl_mechanism": "OAUTHBEARER", "oauth_url": "https://host/token", "oauth_client_id": "me"},
            "OAUTH_CLIENT_SECRET",
        ),
    ],
)
def test_what_a_login_lacks_is_named(fields: dict[str, Any], missing: str) -> None:
    with pytest.raises(
        SettingError, match=f"FUSIONLOG_KAFKA__{missing} is None: a login by .* needs it.*{missing}_FILE"
    ):
        security(KafkaSettings(security_protocol="SASL_PLAINTEXT", **fields))


@pytest.mark.parametrize("url", ["host/token", "ftp://host", "https://", "https://me:hush@host/token", "https://h:p/"])
def test_a_token_endpoint_that_is_no_url_is_named_without_its_login(url: str) -> None:
    kafka = KafkaSettings(
        security_protocol="SASL_PLAINTEXT", sasl_mechanism="OAUTHBEARER", oauth_url=url,  # type: ignore[arg-type]
        oauth_client_id="me", oauth_client_secret="hush",  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(SettingError, match=r"FUSIONLOG_KAFKA__OAUTH_URL is .*must be like https://") as raised:
        security(kafka)
    assert "hush" not in str(raised.value)
