import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.utils.json_format import JsonFormat, value_at

BROKER = JsonFormat("{time} {node} {level} {pid} {msg}")


def text_of(tree: object, format: str = "{level} {msg}") -> str:
    return JsonFormat(format).text(json.dumps(tree))


def test_a_line_is_written_by_the_format() -> None:
    tree = {
        "msg": "accepting AMQP connection",
        "level": "info",
        "time": "20:11:03",
        "pid": "<0.8.0>",
        "node": "rabbit@one",
    }
    assert BROKER.text(json.dumps(tree)) == "20:11:03 rabbit@one info <0.8.0> accepting AMQP connection"


def test_braces_can_stand_in_a_format() -> None:
    assert text_of({"msg": "x"}, "{{{msg}}} [{level}]") == "{x} [-]"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("two words", "two words"),
        (7, "7"),
        (0.5, "0.5"),
        (True, "true"),
        (["a", 1], '["a",1]'),
        ({"é": 1}, '{"é":1}'),
        (None, "-"),
        ("", "-"),
        (" \t", "-"),
        ("boom\n  at f()\n", "boom\n  at f()"),
        ("\x1b[31mred\x1b[0m", "red"),
    ],
)
def test_values(value: object, written: str) -> None:
    assert text_of({"level": "info", "msg": value}) == f"info {written}"


def test_a_missing_field_is_a_dash() -> None:
    assert text_of({"msg": "x"}) == "- x"


@pytest.mark.parametrize(
    ("tree", "written"),
    [
        ({"fields": {"request": {"id": "r-1"}}}, "r-1"),
        ({"fields.request.id": "r-2"}, "r-2"),
        ({"fields": {"request": "r-3"}, "msg": "x"}, "-"),
        ({"fields": [1], "msg": "x"}, "-"),
    ],
)
def test_nested_fields(tree: object, written: str) -> None:
    assert text_of(tree, "{fields.request.id} {msg}").split()[0] == written


@pytest.mark.parametrize(
    "line", ["started", "", "{not json", "[1]", '"msg"', '{"order":"o-1"}', "{}", '{"msg":' * 5000, '{"msg":null}']
)
def test_any_other_line_is_itself(line: str) -> None:
    assert BROKER.text(line) == line


def test_without_a_format_every_line_passes() -> None:
    assert JsonFormat(None).text('{"msg":"x"}') == '{"msg":"x"}'
    assert not JsonFormat(None)


@pytest.mark.parametrize(
    "format",
    ["", "no field", "{", "{msg", "msg}", "{}", "{msg!r}", "{msg:>9}", "{a..b}", "{.a}", '{a"b}', "{a\\b}", "{a\tb}"],
)
def test_a_bad_format_is_refused(format: str) -> None:
    with pytest.raises(ValueError):
        JsonFormat(format)


TREES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("msg", "a", "b")), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(("msg", "a", "level")), TREES, max_size=3))
def test_any_object_gives_a_line_that_is_not_blank(tree: dict[str, object]) -> None:
    assert text_of(tree, "{a.b} {level} {msg}").strip()


def test_a_field_that_the_line_lacks_is_the_envelopes() -> None:
    format = JsonFormat("{kubernetes.pod_name} {level} {msg}")
    fields: dict[str, object] = {"kubernetes": {"pod_name": "cart-1"}, "level": "of the envelope"}
    assert format.text('{"level": "info", "msg": "x"}', fields) == "cart-1 info x"
    assert format.text('{"level": "info", "msg": "x"}') == "- info x"
    assert format.text("no JSON", fields) == "no JSON"


def test_a_path_may_have_names_with_dots() -> None:
    tree: dict[str, object] = {"resource": {"service.name": "pay"}, "a.b": {"c": 1}, "x": {"y": 2}, "x.y": 3}
    assert [value_at(tree, path) for path in ("resource.service.name", "a.b.c", "x.y", "x.z", "none")] == [
        "pay",
        1,
        3,
        None,
        None,
    ]


def test_a_percent_sign_of_the_format_stays() -> None:
    assert JsonFormat("{load}% {msg}%s").text('{"load": 97, "msg": "100% busy"}') == "97% 100% busy%s"
