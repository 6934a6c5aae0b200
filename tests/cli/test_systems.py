"""`fusionlog systems check`: exit codes, and what is named when it is used wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.errors import DataError, SettingError
from fusionlog.settings import Settings

LINES = "order=1 paid\norder=1 sent\n"
SYSTEMS = "shop: {session: 'order=(\\w+)', window: {by: session}}\ntill: {}\n"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "a.log").write_text(LINES, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SYSTEMS, encoding="utf-8")
    return [str(tmp_path / "a.log"), "--systems-file", str(tmp_path / "s.yaml")]


def run(*arguments: str, **options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["systems", "check", *arguments], **options)  # type: ignore[arg-type]
    if isinstance(result.exception, SettingError):
        raise result.exception
    return result.exit_code, result.output


def test_a_clean_sample_exits_with_0(files: list[str]) -> None:
    code, text = run(*files, "--system", "shop")
    assert code == 0 and "order=<KEY> paid" in text


def test_the_report_can_be_json(files: list[str]) -> None:
    code, text = run(*files, "--system", "shop", "--json")
    assert code == 0 and json.loads(text)["windows"][0]["session"] == "1"


def test_a_suspicion_exits_with_1_and_names_its_remedy(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("nothing\n", encoding="utf-8")
    code, text = run(*files, "--system", "shop")
    assert code == 1 and "no-session-key" in text and "remedy: correct session" in text


def test_a_sample_needs_no_systems_file(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUSIONLOG_SYSTEMS_FILE", raising=False)
    assert run(files[0])[0] == 0


def test_wrong_usage_exits_with_2_or_names_the_setting(files: list[str]) -> None:
    assert run()[0] == 2
    with pytest.raises(SettingError, match="several: shop, till"):
        run(*files)
    with pytest.raises(SettingError, match=r"it is not in .*; there are shop, till"):
        run(*files, "--system", "bank")


def test_an_empty_sample_is_an_error(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["systems", "check", *files, "--system", "shop"])
    assert isinstance(result.exception, DataError) and "it has no record" in str(result.exception)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, which stands for a full disk")
def test_a_full_disk_under_the_output_is_one_sentence(files: list[str]) -> None:
    command = [sys.executable, "-m", "fusionlog", "systems", "check", *files, "--system", "shop", "--json"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("fusionlog: the output cannot be written (No space left on device): make room")


@pytest.mark.kafka
def test_the_newest_records_of_the_raw_topic_are_a_sample(
    files: list[str], kafka_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from fusionlog.kafka.admin import create_topics
    from fusionlog.kafka.producer import Producer

    config = Settings(
        kafka=kafka_settings.kafka, topic_prefix=kafka_settings.topic_prefix, raw_prefix=kafka_settings.raw_prefix,
        systems_file=tmp_path / "s.yaml",
    )  # fmt: skip

    async def produce() -> None:
        await create_topics(config)
        producer = Producer(config)
        await producer.start()
        for line in (b"order=1 paid", b"order=1 sent"):
            await (await producer.send_raw(config.topics.raw("shop"), b"h", line))
        await producer.stop()

    asyncio.run(produce())
    monkeypatch.setenv("FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS", config.kafka.bootstrap_servers)
    monkeypatch.setenv("FUSIONLOG_TOPIC_PREFIX", config.topic_prefix)
    monkeypatch.setenv("FUSIONLOG_RAW_PREFIX", config.raw_prefix)
    code, text = run(*files[1:], "--topic", "--system", "shop", "--json")
    assert code == 0 and json.loads(text)["records"] == 2
