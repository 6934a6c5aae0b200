import gzip
from pathlib import Path

import pytest

from datasets.record.audit import Labelled, grep, read
from datasets.record.spec import SystemSpec

ROOT = Path(__file__).parents[2] / "datasets"
SYSTEMS = ("kafka", "postfix", "postgresql", "rabbitmq")


def spec_of(system: str) -> SystemSpec:
    yaml = pytest.importorskip("yaml")
    entry = yaml.safe_load((ROOT / "systems.yaml").read_text())[system]
    window = entry["window"]
    return SystemSpec(
        system, entry["description"], entry["header"], entry["policy"], entry.get("session"), window.get("size"),
        json_line=entry.get("json_line"),
    )  # fmt: skip


def stream_of(system: str) -> list[str]:
    return gzip.decompress((ROOT / system / "stream.log.gz").read_bytes()).decode().splitlines()


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def sessions(system: str) -> list[Labelled]:
    return read(ROOT / system)


def test_enough_sessions_some_of_them_anomalous(sessions):
    share = sum(s.anomalous for s in sessions) / len(sessions)
    assert 1500 <= len(sessions) <= 4000
    assert len({s.id for s in sessions}) == len(sessions)
    assert 0.04 <= share <= 0.12


def test_a_grep_for_words_of_alarm_does_not_do_on_either_half(sessions):
    middle = len(sessions) // 2
    assert grep(sessions[:middle]).f1 < 0.6
    assert grep(sessions[middle:]).f1 < 0.6


def test_the_stream_holds_every_session_in_order(system, sessions):
    spec = spec_of(system)
    lines = stream_of(system)
    if spec.session is None:
        assert [line for s in sessions for line in s.lines] == lines
        assert all(s.id == f"{system}-{i * spec.size}" for i, s in enumerate(sessions))
        return
    grouped: dict[str, list[str]] = {}
    for line in lines:
        key = spec.key(line)
        if key:
            grouped.setdefault(key, []).append(line)
    assert list(grouped) == [s.id for s in sessions]
    assert all(tuple(grouped[s.id]) == s.lines for s in sessions)


def test_few_lines_have_no_key(system):
    spec = spec_of(system)
    if spec.session:
        lines = stream_of(system)
        assert sum(spec.key(line) is None for line in lines) < 0.05 * len(lines)


def test_there_are_many_kinds_of_fault(sessions):
    assert len({s.cause for s in sessions if s.anomalous}) >= 8


def test_the_later_half_has_faults_of_its_own(sessions):
    middle = len(sessions) // 2
    first, second = ({s.cause for s in half if s.anomalous} for half in (sessions[:middle], sessions[middle:]))
    assert len(second - first) >= 2


def test_the_product_finds_the_same_keys(system):
    settings = pytest.importorskip("fusionlog.settings")
    parser = pytest.importorskip("fusionlog.parsing.parser")
    spec = spec_of(system)
    if spec.session:
        known = settings.read_systems(ROOT / "systems.yaml")[system]
        reader = parser.Parser(system, known, settings.IngestSettings())
        lines = stream_of(system)[:5000]
        assert [reader.parse(line).session for line in lines] == [spec.key(line) for line in lines]


def test_no_path_of_a_recording_machine_is_left(system):
    assert not any("/tmp/record-" in line for line in stream_of(system))
