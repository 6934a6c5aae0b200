"""Secrets from the environment, from files and from a directory; no message, page or traceback has a value."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from fusionlog import settings
from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from fusionlog.settings.secrets import file_settings, file_variables, secret_variables

PASSWORD = "FUSIONLOG_KAFKA__SASL_PASSWORD"
SECRET = "hush-5b1e"


def put(path: Path, data: bytes | str = SECRET) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def password() -> str | None:
    found = settings.load().kafka.sasl_password
    return found.get_secret_value() if found else None


def refusal() -> str:
    """The sentence of a refusal; neither it nor its traceback has the secret."""
    with pytest.raises(SettingError) as raised:
        settings.load()
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return str(raised.value)


@pytest.mark.parametrize("name", sorted(file_variables(settings.Settings).values()))
def test_every_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    value = "https://me:hush-5b1e@host/v1" if name.endswith(("URL", "ADDRESS")) else SECRET
    monkeypatch.setenv(f"{name}_FILE", str(put(tmp_path / "secret", f"{value}\n")))
    by_file = settings.load()
    monkeypatch.delenv(f"{name}_FILE")
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(put(tmp_path / "dir" / name, value).parent))
    by_directory = settings.load()
    monkeypatch.delenv("FUSIONLOG_SECRETS_DIR")
    monkeypatch.setenv(name, value)
    assert by_file == settings.load() == by_directory.model_copy(update={"secrets_dir": None})
    if name in secret_variables(settings.Settings):
        assert SECRET not in repr(by_file) and SECRET not in by_file.model_dump_json()
        assert SECRET not in CliRunner().invoke(app, ["settings"]).output


def test_all_secret_types_are_found() -> None:
    found = secret_variables(settings.Settings)
    assert {
        PASSWORD, "FUSIONLOG_KAFKA__SSL_KEY_PASSWORD", "FUSIONLOG_KAFKA__OAUTH_CLIENT_SECRET",
        "FUSIONLOG_LABEL__API_KEY", "FUSIONLOG_LABEL__URL", "FUSIONLOG_METRICS__TOKEN", "FUSIONLOG_RAY_TOKEN",
    } <= found  # fmt: skip
    assert "FUSIONLOG_KAFKA__SASL_USERNAME" in file_settings(settings.Settings).keys() - found


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"hush", "hush"),
        (b"hush\n", "hush"),
        (b"hush\r\n", "hush"),
        (b"hush\n\n", "hush\n"),
        (b" hush ", " hush "),
        (b"\xef\xbb\xbfhush\n", "hush"),
        ("höhö\n".encode(), "höhö"),
        (b"-----BEGIN\nAB\n-----END\n", "-----BEGIN\nAB\n-----END"),
    ],
)
def test_one_line_end_is_left_out_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes, value: str
) -> None:
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(put(tmp_path / "secret", data)))
    assert password() == value


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b" \r\n", "is empty"),
        (f"{SECRET}\xff".encode("latin-1"), "is not UTF-8 text"),
        (b"hush-5b1e" * 200_000, "has more than 1048576 bytes"),
    ],
)
def test_a_file_without_a_secret_is_one_sentence_with_its_variable_and_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes | None, problem: str
) -> None:
    path = tmp_path / "dir" / PASSWORD
    path.parent.mkdir()
    if data is not None:
        put(path, data)
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(path))
    sentence = refusal()
    assert all(each in sentence for each in (f"{PASSWORD}_FILE", str(path), problem)), sentence
    monkeypatch.delenv(f"{PASSWORD}_FILE")
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(path.parent))
    if data is not None:
        assert all(each in refusal() for each in ("FUSIONLOG_SECRETS_DIR", str(path.parent), PASSWORD, problem))


def test_a_directory_in_place_of_a_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(tmp_path))
    assert f"{PASSWORD}_FILE is '{tmp_path}': the file is a directory; name a file in it" in refusal()


def test_a_file_that_is_not_ours_to_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = put(tmp_path / "secret")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(path))
    assert f"'{path}': the file cannot be read (Permission denied)" in refusal()


@pytest.mark.parametrize("value", [SECRET, "secrets/password", "-----BEGIN PRIVATE KEY-----"])
def test_a_secret_that_stands_where_its_path_belongs_is_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(f"{PASSWORD}_FILE", value)
    sentence = refusal()
    assert "absolute path" in sentence and value not in sentence


def test_a_value_and_a_file_exclude_each_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(put(tmp_path / "secret", "other")))
    assert f"{PASSWORD} is set as well; keep one of them" in refusal()
    monkeypatch.setenv(PASSWORD, "")
    assert password() == "other"


def test_the_environment_comes_before_the_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(put(tmp_path / "dir" / PASSWORD, "of the directory").parent))
    assert password() == "of the directory"
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(put(tmp_path / "secret", "of the file")))
    assert password() == "of the file"
    monkeypatch.delenv(f"{PASSWORD}_FILE")
    monkeypatch.setenv(PASSWORD, "of the variable")
    assert password() == "of the variable"
    monkeypatch.setenv(PASSWORD, "")
    assert password() is None


@pytest.mark.parametrize("name", ["fusionlog_kafka__sasl_password", "kafka__sasl_password", "KAFKA__SASL_PASSWORD"])
def test_a_directorys_names_may_be_short_and_of_any_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """As Kubernetes mounts a secret: links into a hidden directory, beside files of certificates."""
    put(tmp_path / "..2026" / name)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / name).symlink_to(f"..data/{name}")
    put(tmp_path / "ca.crt")
    put(tmp_path / "client.pem")
    put(tmp_path / "kubernetes.io" / "serviceaccount" / "token")
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(tmp_path))
    assert password() == SECRET


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("kafka_sasl_password", f"its file kafka_sasl_password is no secret of FusionLog; did you mean {PASSWORD}?"),
        ("FUSIONLOG_KAFKA__SASL_PASWORD", f"did you mean {PASSWORD}?"),
        ("kafka__sasl_password.txt", f"did you mean {PASSWORD}?"),
        ("label__apikey", "did you mean FUSIONLOG_LABEL__API_KEY?"),
        ("x", "its file x is none of FUSIONLOG_KAFKA__SASL_USERNAME, FUSIONLOG_KAFKA__SASL_PASSWORD"),
        ("FUSIONLOG_LOG_LEVEL", "its file FUSIONLOG_LOG_LEVEL is no secret: set it in the environment"),
    ],
)
def test_a_misspelt_file_is_named_with_the_secret_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, sentence: str
) -> None:
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(put(tmp_path / name).parent))
    assert sentence in refusal()


def test_two_files_of_one_secret_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(tmp_path / PASSWORD)
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(put(tmp_path / "kafka__sasl_password").parent))
    assert "are one setting; keep one" in refusal()


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_secrets_directory_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    path = put(tmp_path / "file") if kind == "file" else tmp_path / "missing"
    monkeypatch.setenv("FUSIONLOG_SECRETS_DIR", str(path))
    assert f"FUSIONLOG_SECRETS_DIR is '{path}': is no directory to read" in refusal()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("FUSIONLOG_KAFKA__SASL_PASSWROD", PASSWORD),
        ("FUSIONLOG_KAFKA_SASL_PASSWORD", PASSWORD),
        ("FUSIONLOG_KAFKA__SASL_PASSWORD_FIEL", f"{PASSWORD}_FILE"),
        ("FUSIONLOG_KAFKA__SASL_PASSWORDFILE", f"{PASSWORD}_FILE"),
        ("FUSIONLOG_LABEL_API_KEY", "FUSIONLOG_LABEL__API_KEY"),
        ("FUSIONLOG_METRICS_TOKEN", "FUSIONLOG_METRICS__TOKEN"),
        ("fusionlog_kafka_sasl_password", PASSWORD),
        ("FUSIONLOG_KAFKA", None),
    ],
)
def test_a_misspelt_variable_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, near: str | None
) -> None:
    monkeypatch.setenv(name, f'{{"sasl_password": "{SECRET}"}}')
    sentence = refusal()
    assert name.upper() in sentence and (near is None or f"did you mean {near}?" in sentence), sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS", f"me:{SECRET}@broker:9092"),
        ("FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS", f"a:1,kafka://me:{SECRET}@broker:9092"),
        ("FUSIONLOG_LABEL__TIMEOUT", f"https://me:{SECRET}@broker"),
    ],
)
def test_a_login_in_a_wrong_value_is_masked(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert name in refusal()


@pytest.mark.parametrize("group", ["kafka", "label"])
def test_a_wrong_group_shows_no_secret_of_it(group: str) -> None:
    with pytest.raises(SettingError) as raised:
        settings.load(**{group: {"api_key": SECRET, "sasl_password": SECRET, "colour": SECRET}})
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_url_is_shown_with_its_login_and_keys_masked() -> None:
    url = settings.SecretUrl("https://me:pa/ss@w?rd@host:81/v1?api-key=hush&version=1")
    assert str(url) == "https://***@host:81/v1?api-key=***&version=***"
    assert str(settings.SecretUrl("https://host/v1")) == "https://host/v1"
    assert not settings.SecretUrl("https://host/v1").holds_secret and url.holds_secret
    label = settings.LabelSettings(url=url, api_key=SecretStr("hush"))
    assert "hush" not in f"{label!r} {label}" and "pa/ss" not in f"{label!r}"
