import os
from pathlib import Path

import pytest

from fusionlog.data.systems import read_catalog, read_sessions
from fusionlog.parsing.parser import EXAMPLE_CHARS, Event, Parser
from fusionlog.records import Template, template_id
from fusionlog.settings import IngestSettings, SystemSettings, read_systems

HDFS = SystemSettings(header="<Level> <Component>: <Content>", session=r"blk_-?\d+")
DATA = Path(os.environ.get("FUSIONLOG_DATA", Path(__file__).parents[3] / "shared" / "data"))
CASES = Path(__file__).parents[1] / "cases"


def make_parser(system: SystemSettings = HDFS, **ingest: float) -> Parser:
    return Parser("shop", system, IngestSettings(**{"drain_similarity": 0.6, **ingest}))


def test_an_event_is_component_and_template() -> None:
    event = make_parser().parse("INFO dfs.Node-7: Received block blk_-12 of size 67 from 10.0.0.1")
    assert event.text == "dfs.Node-<NUM> Received block <KEY> of size <NUM> from <IP>"
    assert event.template == template_id(event.text)
    assert event.session == "blk_-12"
    assert event.line.startswith("INFO dfs.Node-7:")


def test_the_level_is_no_part_of_an_event() -> None:
    parser = make_parser()
    assert parser.parse("INFO a: x y").template == parser.parse("WARN a: x y").template


def test_a_line_without_header_has_no_component() -> None:
    assert make_parser().parse("java.io.IOException").text == "java.io.IOException"


def test_a_component_alone_is_an_event() -> None:
    assert make_parser().parse("INFO a: ").text == "a"


@pytest.mark.parametrize(
    ("pattern", "line", "key"),
    [
        (r"blk_-?\d+", "moving blk_1 to blk_2", "blk_1"),
        ("(?:instance: |/servers/)([0-9a-f]+)", "GET /servers/0f", "0f"),
        (r"job (\d+)|nojob", "nojob", "nojob"),
        (r"blk_\d+", "no key here", None),
        (None, "blk_1", None),
    ],
)
def test_session_keys(pattern: str | None, line: str, key: str | None) -> None:
    assert make_parser(SystemSettings(session=pattern)).parse(line).session == key


def test_a_json_line_is_parsed_as_the_text_that_is_written_of_it() -> None:
    system = SystemSettings(json_line="{level} {pid}: {msg}", header="<Level> <Pid>: <Content>", session=r"<[\d.]+>")
    parser = make_parser(system)
    event = parser.parse('{"pid":"<0.8.0>","msg":"user bob came","level":"info"}')
    assert (event.text, event.session, event.line) == ("user bob came", "<0.8.0>", "info <0.8.0>: user bob came")
    assert parser.parse("info <0.9.0>: user bob came").template == event.template
    assert parser.new_templates(0.0)[0].example == event.line


def test_new_templates_are_told_once() -> None:
    parser = make_parser()
    line = "INFO a: started in mode x"
    event = parser.parse(line)
    parser.parse(line)
    expected = Template(system="shop", id=event.template, text=event.text, example=line, first_seen=5.0)
    assert parser.new_templates(5.0) == [expected]
    assert parser.new_templates(6.0) == []


def test_a_generalised_template_is_replaced_under_every_component() -> None:
    parser = make_parser()
    first, second = parser.parse("INFO a: user bob came"), parser.parse("INFO b: user bob came")
    parser.new_templates(0.0)
    parser.parse("INFO a: user eve came")
    found = {template.text: template.replaces for template in parser.new_templates(1.0)}
    assert found == {"a user <*> came": first.template, "b user <*> came": second.template}
    assert parser.parse("INFO b: user bob came").text == "b user <*> came"


def test_one_template_under_two_components_is_two_events() -> None:
    parser = make_parser()
    assert parser.parse("INFO a: x y").template != parser.parse("INFO b: x y").template
    assert [template.text for template in parser.new_templates(0.0)] == ["a x y", "b x y"]


def test_examples_are_cut() -> None:
    parser = make_parser()
    parser.parse("INFO a: " + "x" * 1000)
    assert len(parser.new_templates(0.0)[0].example) == EXAMPLE_CHARS


LINES = [
    "INFO a: user bob came",
    "INFO b: user bob came",
    "no header at all",
    "INFO a: user eve came",
    "INFO c-7: user bob left at 10:11:12",
    "INFO a: ",
    "a user carol came",
]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_restored_parser_knows_what_the_first_one_knew(backwards: bool) -> None:
    first, second = make_parser(), make_parser()
    told = []
    for number, line in enumerate(LINES):
        first.parse(line)
        told += first.new_templates(float(number))
    second.restore(reversed(told) if backwards else told)
    assert [second.parse(line) for line in LINES] == [first.parse(line) for line in LINES]
    assert second.new_templates(0.0) == []


def test_templates_of_another_system_are_not_taken() -> None:
    parser = make_parser()
    parser.restore([Template(system="other", id="1", text="a b", example="a b", first_seen=0.0)])
    parser.parse("a b")
    assert len(parser.new_templates(0.0)) == 1


def test_a_storm_of_templates_is_bounded() -> None:
    parser = make_parser(SystemSettings(), max_templates=10)
    for number in range(500):
        parser.parse(" ".join([f"word{number}"] * (number % 50 + 1)))
    assert len(parser.new_templates(0.0)) == 10


@pytest.mark.parametrize(
    "line",
    ["x" * 64_000, "x " * 32_000, "\ufffd \u2028 \x00 \n\n", "<*> <KEY> <NUM>", "INFO a" + ":" * 999, "INFO : x"],
)
def test_odd_lines_parse(line: str) -> None:
    parser = make_parser()
    assert parser.parse(line) == parser.parse(line)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no labelled systems in {DATA}; set FUSIONLOG_DATA")
@pytest.mark.parametrize(("system", "least", "most"), [("hdfs", 15, 30), ("openstack", 35, 65), ("bgl", 150, 230)])
def test_real_systems_have_few_events(system: str, least: int, most: int) -> None:
    """As many templates as there are kinds of lines: fewer would merge what differs, more would split what is one."""
    settings = read_catalog(DATA)[system]
    parser = Parser(system, settings, IngestSettings())
    lines = [line for session in read_sessions(DATA, system)[:4000] for line in session.lines]
    events = {parser.parse(line).template for line in lines}
    told = parser.new_templates(0.0)
    assert least <= len(events) <= most
    restored = Parser(system, settings, IngestSettings())
    restored.restore(told)
    sample = lines[:: len(lines) // 2000]
    assert [restored.parse(line) for line in sample] == [parser.parse(line) for line in sample]


def test_a_key_that_only_the_header_tells_is_masked_in_the_content() -> None:
    system = SystemSettings(header="<Component>: <Content>", session=r"^\w+: ([a-z]\w)(?:: |$)")
    event = make_parser(system).parse("qmgr: c7: removed c7 but not c77")
    assert (event.session, event.text) == ("c7", "qmgr <KEY>: removed <KEY> but not c77")


def events_of(case: str, system: str, file: str = "lines.log") -> list[Event]:
    parser = Parser(system, read_systems(CASES / case / "systems.yaml")[system], IngestSettings())
    return [parser.parse(line) for line in (CASES / case / file).read_text("utf-8").splitlines()]


def test_console_lines_of_spring_boot_are_split_whichever_thread_wrote_them() -> None:
    events = events_of("spring-console-threads", "billing")
    assert all(event.matched for event in events)
    assert {event.text for event in events} == {
        "s.example.billing.BillingApplication Started BillingApplication in <NUM> seconds",
        "s.e.billing.InvoiceController Invoice <NUM> created",
        "o.a.k.clients.NetworkClient Connection to node <NUM> could not be established",
        "o.a.k.clients.producer.KafkaProducer Expiring <NUM> records",
    }


def test_structured_data_and_a_byte_order_mark_are_no_content() -> None:
    assert {event.text for event in events_of("syslog-rfc5424-structured-data", "shop")} == {"shop order accepted"}


def test_a_key_at_the_start_of_the_line_does_not_mask_the_start_of_the_content() -> None:
    events = events_of("key-at-the-start-of-the-line", "hosts")
    assert {event.session for event in events} == {"web-1", "web-2"}
    assert [event.text for event in events] == [
        "Payment failed", "Backup failed", "Login succeeded",
        "Rollback succeeded", "Backup started", "Rollback started",
    ]  # fmt: skip


def test_a_key_in_the_middle_of_the_header_does_not_mask_the_content() -> None:
    events = events_of("key-at-the-start-of-the-line", "nodes", "node.log")
    assert {event.session for event in events} == {"R02-M1-N0"}
    assert [event.text for event in events] == [
        "KERNEL <NUM> double-hummer alignment exceptions", "KERNEL <NUM> total parity error corrected",
        "KERNEL <NUM> total interrupts lost",
    ]  # fmt: skip


ACCESS = '10.0.0.3 - - [04/Mar/2026:10:11:00 +0000] "POST /checkout HTTP/1.1" {} {} "-" "curl/8.4"'


@pytest.mark.parametrize(
    ("masks", "wanted"), [({}, {"200", "502"}), ({"status5xx": r'(?<=" )5\d\d(?= )'}, {"200", "<STATUS5XX>"})]
)
def test_the_status_of_an_access_log_is_part_of_the_event(masks: dict[str, str], wanted: set[str]) -> None:
    system = SystemSettings(header="<Ip> <Ident> <User> [<Date> <Zone>] <Content>", masks=masks)
    parser = Parser("web", system, IngestSettings())
    texts = {parser.parse(ACCESS.format(status, 300 + n)).text for n in range(40) for status in (200, 502)}
    assert texts == {f'"POST <PATH> HTTP/<NUM>" {each} <NUM> "-" "curl/<NUM>"' for each in wanted}


def test_exit_codes_are_events_and_counts_are_none() -> None:
    parser = Parser("jobs", SystemSettings(), IngestSettings())
    lines = ["job 17 finished, exit code 0", "job 18 finished, exit code 137", "backup finished with 0 errors"]
    lines += ["job 19 finished, exit code 0", "job 20 finished, exit code 137", "backup finished with 412 errors"]
    texts = [parser.parse(line).text for line in lines]
    assert (
        texts
        == [
            "job <NUM> finished, exit code 0",
            "job <NUM> finished, exit code 137",
            "backup finished with <NUM> errors",
        ]
        * 2
    )


def test_a_line_is_the_same_event_whatever_came_before_it() -> None:
    """Codes are constants of the miner: no order of lines joins them."""
    lines = [f"job {n} finished, exit code {code}" for n in range(5) for code in (0, 1, 137)]
    ways = [lines, lines[::-1], lines[7:] + lines[:7]]
    found = []
    for way in ways:
        parser = Parser("jobs", SystemSettings(), IngestSettings())
        found.append({line: parser.parse(line).template for line in way})
    assert found[0] == found[1] == found[2]
    assert len(set(found[0].values())) == 3


def test_a_code_stays_though_a_session_key_has_its_digits() -> None:
    parser = Parser("jobs", SystemSettings(session=r"^job (\d+)"), IngestSettings())
    event = parser.parse("job 137 finished, exit code 137")
    assert (event.text, event.session) == ("job <KEY> finished, exit code 137", "137")


def test_a_restored_parser_has_the_same_constants() -> None:
    one = Parser("jobs", SystemSettings(), IngestSettings())
    for code in (0, 137):
        one.parse(f"job 17 finished, exit code {code}")
    templates = one.new_templates(1.0)
    assert [each.constants for each in templates] == [[5], [5]]
    other = Parser("jobs", SystemSettings(), IngestSettings())
    other.restore(templates)
    assert other.parse("job 17 finished, exit code 1").text == "job <NUM> finished, exit code 1"
    assert other.parse("job 18 finished, exit code 137").template == templates[1].id
