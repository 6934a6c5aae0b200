from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.data.systems import read_stream
from fusionlog.parsing.content_memo import ContentMemo
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.session_keys import KeyExpression
from fusionlog.parsing.templates import CONSTANT

MEMO_SYSTEMS = ["kafka", "postgresql", "rabbitmq", "postfix"]
WORDS = [
    *("exit", "code", "status", "502", "rc=1,", "returned", "HTTP/1.1", '"GET', "Bad", "Gateway", "(250", "2.0.0"),
    *("with", "is", "of", "2024-05-01", "10:11:12", "eth0", "0x1f", "took", "a\ue003<PATH>", "é", "k7", "[k1]", "7k=1"),
]
SLOTS = {
    "path": ["/var/x", "/srv/a-1/0001.log", "/Users/B", "/502"],
    "id,": ["4jXd2z1SSW1,", "Zz99aa88bb,", "9Gg1234567h,"],
    "hex": ["f6315bdfa07446f0", "a0b1c2d3e4", "00000000a1"],
    "uuid": ["49e3b6bc-61c4-47b1-85e8-010c6d88848e", "7a0f6b1e-12cd-4e5f-9a8b-00c0ffee0001"],
    "to": ["to=<ann.b@post.example>,", "to=<p20@a.example>,", "to=<x@error>,"],
    "number": ["1", "137", "99999", "7.5", "10", "200", "599"],
}
FORMS = st.lists(st.sampled_from([*WORDS, *(f"{{{name}}}" for name in SLOTS)]), min_size=1, max_size=9).map(" ".join)


def make_memo(masks: Masks) -> ContentMemo:
    return ContentMemo(masks, True, masks.mask_content)


def filled(form: str, draw: st.DataObject) -> str:
    """The form with a value for each of its slots."""
    for name, values in SLOTS.items():
        while f"{{{name}}}" in form:
            form = form.replace(f"{{{name}}}", draw.draw(st.sampled_from(values)), 1)
    return form


@pytest.mark.parametrize("session", [None, r"k\d", r"code (\S+)", r"(?<=of )\S+"])
@given(FORMS, st.data())
def test_contents_of_one_form_are_masked_as_each_by_itself(session: str | None, form: str, data: st.DataObject) -> None:
    masks, keys = Masks({}), KeyExpression(session)
    memo = make_memo(masks)
    for _ in range(5):
        content = filled(form, data)
        wanted = Masks({}).mask_whole(content.replace("\ue003", "\ufffd"), keys.find(content))
        assert memo.find(content, keys.find(content), None, "").masked == wanted


@pytest.mark.parametrize("system", MEMO_SYSTEMS)
def test_recorded_lines_are_masked_as_each_by_itself(system: str) -> None:
    masks = Masks({})
    memo = make_memo(masks)
    for line in islice(read_stream(Path(__file__).parents[2] / "datasets", system), 2_000):
        assert memo.find(line, (), None, "").masked == masks.mask_whole(line)


def test_contents_that_differ_in_what_comes_once_are_masked_once() -> None:
    masks = Masks({})
    memo = make_memo(masks)
    first = memo.find("deleted /srv/a-1/17.log of 4jXd2z1SSW1", (), "fs", "")
    assert first.masked == "deleted <PATH> of <ID>"
    assert memo.find("deleted /srv/b/3.log of 9Gg1234567h", (), "fs", "") is first


def test_components_and_codes_of_fields_are_apart() -> None:
    memo = make_memo(Masks({}))
    found = [memo.find("up 1", (), component, codes) for component in ("a", "b") for codes in ("", f" {CONSTANT}rc=1")]
    assert len({id(each) for each in found}) == 4
    assert [each.masked for each in found[:2]] == ["up <NUM>", f"up <NUM> {CONSTANT}rc=1"]


def test_codes_decide_though_the_form_is_the_same() -> None:
    memo = make_memo(Masks({}))
    found = [memo.find(f"exit code {code} at /a/{code}", (), None, "").masked for code in (1, 137, 123456, 1)]
    code = [f"exit code {CONSTANT}1 at <PATH>", f"exit code {CONSTANT}137 at <PATH>", "exit code <NUM> at <PATH>"]
    assert found == [*code, code[0]]


def test_a_memo_that_finds_little_rests_and_masks_the_same() -> None:
    masks = Masks({})
    memo = make_memo(masks)
    for number in range(6_000):
        content = f"{'x' * (number % 97)} {'y' * (number // 97)} {number}"
        assert memo.find(content, (), None, "").masked == masks.mask_whole(content)
