"""JSON lines as text: level, logger, ids, message, error."""

from __future__ import annotations

from fusionlog.onboarding.json_guess import guess_json
from fusionlog.utils.json_format import JsonFormat, Tree


def trees(**fields: object) -> list[Tree]:
    """Fifty objects; `%d` in a text is its number."""
    return [{name: _numbered(value, number) for name, value in fields.items()} for number in range(50)]


def _numbered(value: object, number: int) -> object:
    return value % number if isinstance(value, str) and "%" in value else value


def test_level_and_logger_are_the_header_and_ids_come_before_the_message() -> None:
    guess = guess_json(trees(ts=1.5, level="info", logger="a.b", msg="order %d taken", trace_id="%032x", status=200))
    assert guess.json_line == "{level} {logger} trace_id={trace_id} {msg}"
    assert guess.header == "<Level> <Component> <Content>"
    assert (guess.time_field, guess.message, guess.message_share) == ("ts", "msg", 1.0)


def test_nested_fields_and_names_with_dots_are_paths() -> None:
    guess = guess_json([{"log.level": "INFO", "message": f"m {n} x", "trace": {"id": f"{n:032x}"}} for n in range(50)])
    assert guess.json_line == "{log.level} trace.id={trace.id} {message}"


def test_an_error_stands_behind_the_message() -> None:
    assert guess_json(trees(level="error", msg="no %d", error="lost %d")).json_line == "{level} {msg} {error}"


def test_without_a_message_every_field_of_a_few_values_is_written() -> None:
    guess = guess_json(trees(method="GET", path="/a", status="2%02d", request_id="a%04db"))
    assert guess.message is None
    assert guess.json_line == "method={method} path={path} status={status} request_id={request_id}"


def test_the_field_with_sentences_is_the_message_where_none_is_named_so() -> None:
    assert guess_json(trees(level="info", what="order %d was taken")).message == "what"


def test_a_field_that_no_decoder_reads_alone_is_not_proposed() -> None:
    named = {name: "INFO" for name in ('a"b', "a\\b", "a\tb", "level")}
    guess = guess_json([{**named, "@timestamp": {"c>\t3": 1}, "msg": f"m {n}"} for n in range(50)])
    assert guess.json_line == "{level} {msg}"
    assert JsonFormat(guess.json_line)


def test_a_level_with_blanks_is_no_header() -> None:
    guess = guess_json(trees(level="very low", msg="x %d"))
    assert guess.header is None
