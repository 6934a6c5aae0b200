"""The notifications file: targets, their secrets, and what is wrong as one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fusionlog.errors import SettingError
from fusionlog.settings import Settings, TargetSettings, read_targets, unknown_systems

SECRET = "s3cr3t-token-of-a-hook"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "notifications.yaml"
    path.write_text(text)
    return path


def test_targets_are_read_with_their_secrets_from_files(tmp_path: Path) -> None:
    for name in ("url", "token", "key"):
        (tmp_path / name).write_text(f"https://hooks.example/{SECRET}\n" if name == "url" else f"{name}-{SECRET}\n")
    found = read_targets(
        written(
            tmp_path,
            f"oncall: {{type: webhook, url_file: {tmp_path}/url, token_file: {tmp_path}/token,"
            f" key_file: {tmp_path}/key, severity: error, systems: [shop], updates: []}}\n"
            "alerts: {type: alertmanager, url: 'http://alerts:9093', labels: {team: shop}}",
        )
    )
    oncall, alerts = found["oncall"], found["alerts"]
    assert (
        oncall.url.get_secret_value() == f"https://hooks.example/{SECRET}" and oncall.place == "https://hooks.example"
    )
    assert oncall.token is not None and oncall.token.get_secret_value() == f"token-{SECRET}"
    assert (alerts.place, alerts.settings.severity, alerts.settings.updates) == (
        "http://alerts:9093", "warning", ("severity",),
    )  # fmt: skip
    assert SECRET not in repr(found) + repr(oncall.settings)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "must map names of targets to their settings"),
        ("a: 1", "it must be a mapping of settings"),
        ("a: {}", "a.type is set .its value is not shown.: it is missing; slack, alertmanager, webhook are there"),
        (
            "a: {type: pager, url: 'http://h'}",
            "a.type is 'pager': Input should be 'slack', 'alertmanager' or 'webhook'",
        ),
        ("a: {type: slack}", "set url or url_file, one of them"),
        (f"a: {{type: slack, url: 'http://h/{SECRET}', url_file: /x}}", "set url or url_file, one of them"),
        (f"a: {{type: slack, url: 'hooks.example/{SECRET}'}}", "a.url is set .* must be like https://host/path"),
        (f"a: {{type: slack, url: 'http://h:port/{SECRET}'}}", "must be like https://host/path"),
        (f"a: {{type: slack, url: [{SECRET}]}}", "a.url is set .* valid string"),
        (f"a: {{type: slack, hook: 'http://h/{SECRET}'}}", "there is no such key; there are"),
        ("a: {type: slack, url: 'http://h', severty: error}", "did you mean severity"),
        ("a: {type: slack, url: 'http://h', severity: fatal}", "a.severity is 'fatal'"),
        ("a: {type: slack, url: 'http://h', per_minute: 0}", "a.per_minute is 0"),
        ("a: {type: slack, url: 'http://h', labels: {a: b}}", "labels are those of alertmanager"),
        ("a: {type: alertmanager, url: 'http://h', labels: {severity: b}}", "severity is a label of FusionLog's own"),
        ("a: {type: alertmanager, url: 'http://h', labels: {a-b: b}}", "'a-b' is no name of a label"),
        ("a: {type: slack, url: 'http://h', key_file: /x}", "key_file signs what a webhook gets"),
        ("a: {type: slack, url_file: secret}", "a.url_file is set .* must be the absolute path of a file"),
        ("a: {type: slack, url_file: /nowhere/at/all}", "a.url_file is '/nowhere/at/all': the file does not exist"),
        ("a: {type: slack, url: 'http://h', token_file: TMP/lines}", "a.token_file is .* must have one line of ASCII"),
        ("a/b: {type: slack, url: 'http://h'}", "the name of a target is letters"),
        ("1: {type: slack, url: 'http://h'}", "the name of a target is letters"),
        (f"a: {{type: slack}}\n{SECRET}\n", r"is not YAML \(line 3, column 1\), or has a key twice"),
        (f"{SECRET}: {{}}\n{SECRET}: {{}}", "is not YAML .*, or has a key twice"),
    ],
)
def test_what_is_wrong_is_one_sentence_without_a_secret(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingError, match=problem) as raised:
        (tmp_path / "lines").write_text(f"{SECRET}\n{SECRET}")
        read_targets(written(tmp_path, text.replace("TMP", str(tmp_path))))
    assert SECRET not in str(raised.value) and raised.value.__cause__ is None


def test_without_a_file_the_setting_is_named() -> None:
    with pytest.raises(SettingError, match="FUSIONLOG_NOTIFICATIONS_FILE is None: name the YAML file"):
        _ = Settings().targets


def test_a_system_that_the_systems_file_does_not_have_is_a_sentence(tmp_path: Path) -> None:
    targets = read_targets(written(tmp_path, "a: {type: slack, url: 'http://h', systems: [shpo, bank]}")).values()
    assert unknown_systems(targets, ()) == []
    assert unknown_systems(targets, ["shop", "bank"]) == [
        "target a waits for incidents of shpo, which the systems file does not have; did you mean shop?"
    ]


def test_the_page_has_every_key_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    rows = {
        name: row
        for row in page.splitlines()
        for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
        if row.startswith("| `")
    }
    for name, field in TargetSettings.model_fields.items():
        default = field.get_default()
        if isinstance(default, bool | int | float | str):
            shown = str(default).lower() if isinstance(default, bool) else f"{default}".removesuffix(".0")
            assert f"| `{shown}` |" in rows[name], name
        else:
            assert name in rows


def test_a_url_in_the_place_of_a_name_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text("? https://hooks.example/token-of-the-hook\n")
    with pytest.raises(SettingError, match="the name of a target is letters") as raised:
        read_targets(path)
    assert "token-of" not in str(raised.value)
