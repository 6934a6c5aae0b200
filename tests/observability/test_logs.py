"""Logging: one form for all, and libraries that repeat themselves are cut short."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from fusionlog.observability import logs
from fusionlog.settings import Settings


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_json_has_our_lines_and_those_of_libraries_in_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    structlog.get_logger("ours").info("said", system="shop")
    logging.getLogger("aiokafka.x").warning("lost %s", "it")
    logging.getLogger("aiokafka.x").info("chatter")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["system"], ours["level"], ours["logger"]) == ("said", "shop", "info", "ours")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("lost it", "warning", "aiokafka.x")


def test_a_library_that_repeats_itself_is_heard_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    for number in range(50):
        logging.getLogger("aiokafka.consumer.fetcher").error("Unexpected error in fetcher of %s", number)
        structlog.get_logger("fusionlog.x").warning("ours")
    said = capsys.readouterr().err
    assert said.count("Unexpected error") == 1 and said.count("ours") == 50


def test_an_outage_of_kafka_is_no_stream_of_each_connection(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    logging.getLogger("aiokafka").error('Unable connect to "%s:%s": %s', "127.0.0.1", 1, "refused")
    logging.getLogger("aiokafka.consumer.group_coordinator").error("Heartbeat send request failed: %s. Will retry.", 1)
    logging.getLogger("aiokafka.consumer.fetcher").warning("Not authorized to read from topic %s.", "t")
    assert capsys.readouterr().err.count("\n") == 1


def test_the_level_is_that_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_level="warning"))
    structlog.get_logger("fusionlog.x").info("quiet")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["console", "json"])
def test_the_login_of_a_url_is_in_no_line_whoever_logs_it(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format=form))  # type: ignore[arg-type]
    url = "https://me:hush@host/v1"
    structlog.get_logger("ours").warning("no answer", url=url)
    logging.getLogger("theirs").warning("at %s", url)
    try:
        raise ValueError(f"not at {url}")
    except ValueError:
        logging.getLogger("theirs").exception("failed")
    text = capsys.readouterr().err
    assert "hush" not in text and text.count("https://***@host/v1") >= 3
