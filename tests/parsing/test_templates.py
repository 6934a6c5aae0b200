import random
import string

from drain3.drain import Drain
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.parsing.mining_budget import MiningBudget
from fusionlog.parsing.templates import (
    CACHED_CHARS,
    CATCH_ALLS,
    CONSTANT,
    LINES_PER_TEMPLATE,
    WILDCARD,
    Mined,
    TemplateMiner,
    TemplateText,
)
from fusionlog.parsing.tokens import MAX_CHARS


def make_miner(similarity: float = 0.6, max_tokens: int = 16, max_templates: int = 100) -> TemplateMiner:
    return TemplateMiner(similarity, 4, max_tokens, max_templates)


def test_a_template_is_new_then_generalised_then_known() -> None:
    miner = make_miner()
    assert miner.add("a b c") == Mined("a b c", None, True)
    assert miner.add("a b c") == Mined("a b c", None, False)
    assert miner.add("a b d") == Mined("a b <*>", "a b c", False)
    assert miner.add("a b c") == Mined("a b <*>", None, False)
    assert miner.texts() == [TemplateText("a b <*>")]


def test_a_line_that_made_or_generalised_a_template_is_matched_from_then_on() -> None:
    miner = make_miner()
    for line in ("session opened for ann", "session opened for bob"):
        first = miner.add(line)
        assert first.new or first.replaces
        match = miner.match(line)
        assert match is not None
        assert match.mined == miner.add(line) == Mined(first.text, None, False)


def test_a_remembered_line_follows_its_template() -> None:
    miner = make_miner()
    for _ in range(3):
        miner.add("a b c")
    miner.add("a b d")
    assert miner.add("a b c").text == "a b <*>"


def test_tokens_and_characters_are_capped() -> None:
    miner = make_miner(max_tokens=4)
    assert miner.add("a b c d").text == "a b c d"
    assert miner.add("e f g h i j k").text == "e f g <*>"
    assert make_miner().add("x " + "y" * MAX_CHARS).text == "x <*>"
    assert make_miner().add("y" * (MAX_CHARS + 1)).text == "<*>"


def test_the_least_used_template_leaves() -> None:
    miner = make_miner(max_templates=2)
    miner.add("one")
    miner.add("two two")
    miner.add("one")
    miner.add("one")  # by the memo
    miner.add("three three three")
    assert sorted(miner.texts()) == [TemplateText("one"), TemplateText("three three three")]
    assert miner.add("two two").new


def test_a_remembered_line_of_a_template_that_left_is_new_again() -> None:
    miner = make_miner(max_templates=1)
    miner.add("one")
    miner.add("one")
    miner.add("two two")
    assert miner.add("one") == Mined("one", None, True)


def test_an_empty_line_has_the_empty_template() -> None:
    miner = make_miner()
    assert (miner.add(" "), miner.add("")) == (Mined("", None, True), Mined("", None, False))


WORDS = st.sampled_from(["a", "b", "c", "d1", "e"])
LINES = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=60)


@given(LINES, st.integers(1, 8), st.sampled_from([0.4, 0.6, 0.8]))
def test_it_finds_what_drain3_finds(lines: list[str], max_templates: int, similarity: float) -> None:
    miner, drain = (
        make_miner(similarity, max_templates=max_templates),
        Drain(sim_th=similarity, max_clusters=max_templates),
    )
    for line in lines:
        cluster, update = drain.add_log_message(line)
        mined = miner.add(line)
        assert (mined.text, mined.new) == (cluster.get_template(), update == "cluster_created")
        assert (mined.replaces is not None) == (update == "cluster_template_changed")


@given(LINES, LINES)
def test_a_restored_miner_goes_on_as_the_first_one_would(before: list[str], after: list[str]) -> None:
    first, second = make_miner(), make_miner()
    for line in before:
        first.add(line)
    texts = first.texts()
    second.restore(texts)
    assert second.texts() == list(dict.fromkeys(texts))
    if len(set(texts)) == len(texts):
        assert [second.add(line) for line in after] == [first.add(line) for line in after]


def test_restoring_twice_changes_nothing() -> None:
    miner = make_miner()
    miner.restore([("a b", ()), ("c <*>", ())])
    miner.restore([("c <*>", ()), ("a b", ())])
    assert miner.texts() == [TemplateText("a b"), TemplateText("c <*>")]


def access(status: str, path: str = "<PATH>") -> str:
    return f'<IP> "GET {path} HTTP/1.1" {CONSTANT}{status} <NUM> - "curl"'


def test_lines_of_different_constants_are_never_of_one_template() -> None:
    miner = make_miner(0.1)
    for status in ("200", "502", "404"):
        assert miner.add(access(status)) == Mined(access(status).replace(CONSTANT, ""), None, True, (4,))
    merged = miner.add(access("502", "/health"))
    assert merged.replaces == access("502").replace(CONSTANT, "")
    assert merged.text.split() == ["<IP>", '"GET', "<*>", 'HTTP/1.1"', "502", "<NUM>", "-", '"curl"']
    assert miner.add(access("200")).text == access("200").replace(CONSTANT, "")


def test_a_constant_counts_by_its_place_and_differs_from_the_same_word() -> None:
    miner = make_miner(0.1)
    lines = [f"{CONSTANT}7 a b c", f"a {CONSTANT}7 b c", "a 7 b c", f"a {CONSTANT}7 {CONSTANT}7 c"]
    assert all(miner.add(line).new for line in lines)
    assert [miner.add(line).constants for line in lines] == [(0,), (1,), (), (1, 2)]


def test_a_constant_behind_the_last_token_is_kept() -> None:
    miner = make_miner(max_tokens=4)
    line = f"a b c d e {CONSTANT}502"
    assert miner.add(line) == Mined("a b <*> 502", None, True, (3,))
    assert miner.add("word " * MAX_CHARS + f"{CONSTANT}502").text == "word word <*> 502"
    assert "502" in make_miner().add("y" * MAX_CHARS + f" {CONSTANT}502").text


def test_the_cap_holds_for_the_templates_of_all_constants_together() -> None:
    miner = make_miner(max_templates=3)
    for status in range(300, 400):
        miner.add(access(str(status)))
    assert len(miner) == 3 == len(miner.texts())
    assert miner.add(access("300")).new


CODED = st.lists(st.lists(st.sampled_from(["a", "b", "c", f"{CONSTANT}1", f"{CONSTANT}2"]), max_size=5).map(" ".join))


@given(CODED, CODED, st.sampled_from([0.2, 0.6]))
def test_a_restored_miner_has_the_same_constants(before: list[str], after: list[str], similarity: float) -> None:
    first, second = make_miner(similarity), make_miner(similarity)
    for line in before:
        first.add(line)
    texts = first.texts()
    second.restore(texts)
    assert second.texts() == texts
    assert [second.add(line) for line in after] == [first.add(line) for line in after]


@given(CODED, st.sampled_from([0.2, 0.6]))
def test_constants_never_become_wildcards(lines: list[str], similarity: float) -> None:
    miner = make_miner(similarity)
    for line in lines:
        mined, tokens = miner.add(line), line.split()
        found = [(place, mined.text.split()[place]) for place in mined.constants]
        wanted = [(place, token[1:]) for place, token in enumerate(tokens) if token[0] == CONSTANT]
        assert found == wanted
        assert CONSTANT not in mined.text


def stormy(number: int, seed: int = 1) -> list[str]:
    source = random.Random(seed)
    words = ("".join(source.choices("abcdefghij", k=8)) for _ in range(4 * number))
    return [" ".join(four) for four in zip(words, words, words, words, strict=True)]


def storm(miner: TemplateMiner, number: int) -> list[Mined]:
    return [miner.add(line) for line in stormy(number)]


def test_a_storm_of_new_templates_becomes_one_event_that_is_counted() -> None:
    miner = TemplateMiner(0.8, 4, 16, 10_000, new_templates=50)
    miner.add("disk full on node <NUM>")
    found = storm(miner, 1_000)
    new = sum(each.new for each in found)
    assert 50 <= new <= 50 + 1_001 // LINES_PER_TEMPLATE
    assert {each.text for each in found if not each.new} == {WILDCARD}
    unmined = miner.take_unmined()
    assert unmined.lines == 1_000 - new
    assert unmined.example == [line for line, each in zip(stormy(1_000), found, strict=True) if not each.new][-1]
    assert miner.take_unmined().lines == 0
    assert miner.add("disk full on node <NUM>").text == "disk full on node <NUM>"


def test_new_templates_are_found_again_when_the_storm_has_passed() -> None:
    miner = TemplateMiner(0.8, 4, 16, 10_000, new_templates=50)
    storm(miner, 500)
    for _ in range(2 * LINES_PER_TEMPLATE):
        miner.add("disk full on node <NUM>")
    assert miner.add("disk full on node <NUM>").text == "disk full on node <NUM>"
    for _ in range(2 * LINES_PER_TEMPLATE):
        miner.add("disk full on node <NUM>")
    assert miner.add("disk replaced").new


def test_a_line_is_compared_with_a_bounded_number_of_templates() -> None:
    miner = TemplateMiner(0.8, 4, 16, 10_000, max_similar=20, new_templates=5_000)
    compared = []
    closest = miner._clusters.closest
    miner._clusters.closest = lambda leaf, tokens: compared.append(len(leaf)) or closest(leaf, tokens)  # type: ignore[method-assign,func-returns-value]
    storm(miner, 3_000)
    assert max(compared) <= 20


def test_comparisons_have_a_budget_within_which_known_lines_are_found() -> None:
    miner = TemplateMiner(0.8, 4, 256, 10_000, new_templates=100_000)
    source = random.Random(1)
    for _ in range(400):
        miner.add("error " + " ".join(source.choices(string.ascii_letters, k=200)))
    miner._comparisons = MiningBudget(0, 0)
    line = "error " + " ".join(source.choices(string.ascii_letters, k=200))
    assert miner.add(line).text == WILDCARD
    known = miner.texts()[-1].text
    assert miner.add(known) == Mined(known, None, False)


def test_the_constants_of_a_line_beyond_the_budget_are_kept_for_a_bounded_number() -> None:
    miner = TemplateMiner(0.8, 4, 16, 10_000, new_templates=1)
    miner.add("first line")
    found = miner.add(f"request of anna {CONSTANT}502 after a while {CONSTANT}status=3")
    assert found == Mined("502 status=3 <*>", None, False, (0, 1))
    texts = {miner.add(f"request {CONSTANT}{number} of anna").text for number in range(90, 90 + 2 * CATCH_ALLS)}
    texts = {text for text in texts if not text.startswith("request")}
    assert len(texts) == CATCH_ALLS and WILDCARD in texts


def test_a_template_that_was_dropped_and_comes_again_has_the_same_text() -> None:
    miner = TemplateMiner(0.8, 4, 16, 20)
    first = miner.add("disk full on <NUM>")
    storm(miner, 100)
    again = miner.add("disk full on <NUM>")
    assert again == first and again.new


def test_known_templates_come_back_from_a_storm_in_their_bounds() -> None:
    miner = TemplateMiner(0.8, 4, 16, 1_000, max_similar=20)
    lines = stormy(5_000)
    miner.restore([(line, ()) for line in lines])
    assert len(miner) <= 1_000
    assert miner.add(lines[-1]) == Mined(lines[-1], None, False)


def test_a_line_with_a_literal_wildcard_is_found_again() -> None:
    miner = make_miner()
    miner.add("hosts: <*>")
    assert miner.add("hosts: <*>") == Mined("hosts: <*>", None, False)


@given(LINES, st.sampled_from([0.4, 0.6, 0.8]))
def test_no_template_of_one_worker_stands_for_another(lines: list[str], similarity: float) -> None:
    first, second = make_miner(similarity), make_miner(similarity)
    for line in lines:
        first.add(line)
    second.restore(first.texts())
    assert second.texts() == list(dict.fromkeys(first.texts()))


def test_the_general_template_of_two_workers_stands_for_both() -> None:
    miner = make_miner()
    miner.restore([("a b c d e", ()), ("a <*> c d e", ()), ("a b x y z", ())])
    assert miner.texts() == [TemplateText("a <*> c d e"), TemplateText("a b x y z")]


def test_a_long_content_is_mined_and_not_kept_in_the_cache() -> None:
    miner = TemplateMiner(0.8, 4, 128, 100)
    for number in range(50):
        line = f"opened {'word ' * CACHED_CHARS}{'abcdefghij'[number % 10]}"
        assert miner.add(line).text == miner.add(line).text and miner.match(line) is None
    assert miner.match("closed") is None and miner.add("closed") and miner.match("closed") is not None
