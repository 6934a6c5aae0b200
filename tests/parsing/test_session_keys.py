import pytest

from fusionlog.errors import SettingError
from fusionlog.parsing.parser import Event, Parser
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.json_format import Tree

UUID = "49e3b6bc-61c4-47b1-85e8-010c6d88848e"
TRACE = "803b448a0489f84084905d3093480352"


def parse(line: str, fields: Tree | None = None, **system: str) -> Event:
    return Parser("shop", SystemSettings(**system), IngestSettings()).parse(line, fields)


@pytest.mark.parametrize(
    "spellings",
    [
        (UUID, UUID.upper(), f'"{UUID}"', f"[{UUID}]", f"{{{UUID}}}", f"({UUID}),", f"'{UUID}'.", f"{UUID}:"),
        (TRACE, TRACE.upper(), f"`{TRACE}`", f"{TRACE};"),
        ("0x7f3a", "0X7F3A", "0x7F3A"),
        (f"req-{UUID}", f"req-{UUID.upper()}"),
        ("order-7", '"order-7"', "order-7,", "(order-7)", '"order-7",', "[order-7", "order-7]"),
    ],
)
def test_spellings_of_a_key_are_one_session(spellings: tuple[str, ...]) -> None:
    found = {parse(f"id={spelling} paid", session=r"id=(\S+)").session for spelling in spellings}
    assert found == {spellings[0]}


@pytest.mark.parametrize(
    ("one", "other"),
    [("4jXd2z1SSW1", "4JXD2Z1SSW1"), ("blk_-1", "blk_1"), ("Anna", "anna"), ("<0.8.0>", "0.8.0"), ("a.b", "ab")],
)
def test_other_keys_are_sessions_of_their_own(one: str, other: str) -> None:
    assert [parse(f"id={key} paid", session=r"id=(\S+)").session for key in (one, other)] == [one, other]


def test_a_missing_value_is_no_key() -> None:
    assert parse("id=- paid", session=r"id=(\S+)").session is None
    assert parse('id="" paid', session=r"id=(\S+)").session is None


def test_a_line_with_several_keys_is_of_the_first_session_or_of_all() -> None:
    line, session = "delete blk_1 blk_2 blk_-3 blk_1", r"blk_-?\d+"
    first, every = parse(line, session=session), parse(line, session=session, keys="all")
    assert (first.session, first.more) == ("blk_1", ())
    assert (every.session, every.more) == ("blk_1", ("blk_2", "blk_-3"))
    assert first.text == every.text == "delete <KEY>"


def test_lines_with_several_keys_are_recalled_with_all_of_them() -> None:
    parser = Parser("shop", SystemSettings(session=r"blk_-?\d+", keys="all"), IngestSettings())
    for number in range(5):
        parser.parse(f"moved blk_{number} blk_{number + 1}")
    event = parser.recall(b"moved blk_7 blk_8")
    assert event is not None
    assert (event.session, event.more) == ("blk_7", ("blk_8",))


def test_a_key_of_the_envelope_is_a_path() -> None:
    pod: Tree = {"kubernetes": {"pod_name": "cart-7f9c-abcde"}, "stream": "stdout"}
    assert parse("cart opened", pod, session_field="kubernetes.pod_name").session == "cart-7f9c-abcde"
    assert parse("cart opened", {"kubernetes.pod_name": "a"}, session_field="kubernetes.pod_name").session == "a"
    assert parse("cart opened", {"id": 7}, session_field="id").session == "7"
    assert parse("cart opened", {"stream": "x"}, session_field="kubernetes.pod_name").session is None


def test_a_list_in_the_envelope_is_several_keys() -> None:
    event = parse("moved", {"blocks": ["b1", "b2", "b1"]}, session_field="blocks", keys="all")
    assert (event.session, event.more) == ("b1", ("b2",))


def test_a_key_of_the_envelope_is_masked_in_the_content_too() -> None:
    parser = Parser("shop", SystemSettings(session_field="pod"), IngestSettings())
    for pod in ("abc", "def", "abc"):
        assert parser.parse(f"pod {pod} started", {"pod": pod}).text == "pod <KEY> started"
    assert [parser.parse("ready", {"pod": pod}).session for pod in ("a", "b", "c", "d")] == ["a", "b", "c", "d"]


def test_a_key_is_a_field_of_the_header() -> None:
    header = "<Time> <Level> [<Thread>] <Content>"
    event = parse("10:11 INFO [exec a] exec a is done", header=header, session_field="Thread")
    assert (event.session, event.text) == ("exec a", "<KEY> is done")
    assert parse("10:11 INFO [] done", header=header, session_field="thread").session is None


def test_a_field_of_the_header_is_recalled() -> None:
    system = SystemSettings(header="<Level> <Trace> <Content>", session_field="trace")
    parser = Parser("shop", system, IngestSettings())
    for number in range(5):
        parser.parse(f"INFO t{number} paid")
    event = parser.recall(b"INFO t9 paid")
    assert event is not None
    assert event.session == "t9"


def test_the_envelope_comes_before_the_header_and_that_before_the_expression() -> None:
    system = {"header": "<Id> <Content>", "session_field": "id", "session": r"k\d"}
    assert parse("h1 of k1", {"id": "e1"}, **system).session == "e1"
    assert parse("h1 of k1", {"x": "e1"}, **system).session == "h1"
    assert parse("- of k1", {"x": "e1"}, **system).session is None
    assert parse("k1", **system).session == "k1"


def test_a_key_in_a_decoded_field() -> None:
    line = '{"level":"info","msg":"order accepted","order":{"id":7},"trace":"t1"}'
    assert parse(line, format="json", session_field="trace").session == "t1"
    assert parse(line, format="json", session_field="order.id").session == "7"
    assert parse(line, format="json", session=r'"trace":"(\w+)"').session == "t1"


def test_a_key_within_the_name_of_the_component_is_masked() -> None:
    system = {"header": "<Level> <Component>: <Content>", "session": r"(order-[a-z]+)"}
    assert parse("INFO order-ab: paid", **system).text == "<KEY> paid"
    assert parse("INFO worker-order-ab-x: paid", **system).text == "worker-<KEY>-x paid"


def test_an_expression_for_the_start_of_the_line_leaves_the_component() -> None:
    event = parse("web-1 shop: Payment failed", header="<Host> <Component>: <Content>", session=r"^(\S+)")
    assert (event.session, event.text) == ("web-1", "shop Payment failed")


def test_an_expression_that_looks_back_matches_as_in_the_line() -> None:
    event = parse("INFO id=k1 k2", header="<Level> <Content>", session=r"(?<=INFO id=)\w+|(?<=id=)x")
    assert (event.session, event.text) == ("k1", "id=<KEY> k2")


def test_an_expression_that_matches_nothing_at_all_is_refused() -> None:
    with pytest.raises(SettingError, match="session"):
        parse("x", session=r"\d*")
