import pytest

from fusionlog.errors import SettingError
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings

ACCESS = '<Ip> <Ident> <User> [<Date> <Zone>] "<Request>" <Status> <Content>'


def events(system: SystemSettings, *lines: str) -> list[str]:
    parser = Parser("web", system, IngestSettings())
    return [parser.parse(line).text for line in lines]


def test_a_status_in_the_header_is_part_of_the_event() -> None:
    form = '10.0.0.3 - - [04/Mar/2026:10:11:00 +0000] "GET /x HTTP/1.1" {} 300 bytes'
    lines = [form.format(status) for status in (200, 502, 200, "-", 502)] * 3
    found = events(SystemSettings(header=ACCESS), *lines)
    wanted = {"200": "<NUM> bytes status=200", "502": "<NUM> bytes status=502", "-": "<NUM> bytes"}
    assert found == [wanted[line.split()[8]] for line in lines]


def test_a_decoded_line_keeps_the_codes_of_its_fields() -> None:
    json = SystemSettings(format="json")
    assert events(
        json,
        '{"level": "info", "msg": "request served", "status": 200, "bytes": 712}',
        '{"level": "info", "msg": "request served", "status": 502, "bytes": 17}',
        '{"level": "info", "msg": "request served", "http": {"response": {"status_code": 404}}, "id": 5}',
    ) == [
        "request served status=200",
        "request served status=502",
        "request served http.response.status_code=404",
    ]
    assert events(
        SystemSettings(format="logfmt"),
        'level=info msg="job done" exit_code=137 took=3',
        "level=info status=502 size=3",
    ) == ["job done exit_code=137", "status=502 size=<NUM>"]


def test_named_fields_are_kept() -> None:
    system = SystemSettings(format="json", keep=["phase", "shard.state"])
    line = '{"msg": "moved", "phase": 4711, "shard": {"state": "red"}, "size": 5}'
    assert events(system, line) == ["moved phase=4711 shard.state=red"]
    system = SystemSettings(json_line="{level} {msg}", header="<Level> <Content>", keep=["phase"])
    assert events(system, '{"level": "info", "msg": "moved", "phase": 17, "size": 5}') == ["moved phase=17"]


def test_expressions_with_a_group_are_kept() -> None:
    system = SystemSettings(keep=[r"phase (\d+) of"])
    assert events(system, "in phase 17 of 20", "in phase 18 of 20", "in phase 17 of 33") == [
        "in phase 17 of <NUM>",
        "in phase 18 of <NUM>",
        "in phase 17 of <NUM>",
    ]


@pytest.mark.parametrize("keep", [r"phase \d+", r"(a)(b)", r"(x?)", r"phase (\d+"])
def test_an_entry_that_keeps_nothing_is_refused(keep: str) -> None:
    with pytest.raises((ValueError, SettingError), match=r"group|matches the empty|regular expression"):
        SystemSettings(keep=[keep])
