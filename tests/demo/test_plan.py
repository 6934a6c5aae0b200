from pathlib import Path

import pytest

from fusionlog import settings
from fusionlog.demo.plan import environment, make_plan
from fusionlog.errors import FusionLogError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "systems.yaml").write_text("a: {}\nb: {}\nc: {}\n", encoding="utf-8")
    return tmp_path


def test_the_last_system_is_the_target_and_the_others_are_sources(data: Path) -> None:
    plan = make_plan(data, None, ())
    assert (plan.target, plan.sources) == ("c", ("a", "b"))


@pytest.mark.parametrize(
    ("target", "sources", "says"),
    [("z", (), "--target is 'z'"), ("a", ("z",), "--source is 'z'"), ("a", ("a", "b"), "never learned from")],
)
def test_a_wrong_system_is_named(data: Path, target: str, sources: tuple[str, ...], says: str) -> None:
    with pytest.raises(FusionLogError, match=says):
        make_plan(data, target, sources)


def test_a_missing_directory_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FusionLogError, match="no such directory"):
        make_plan(tmp_path / "nothing", None, ())


def test_a_json_file_that_cannot_be_written_is_found_before_the_start(data: Path) -> None:
    with pytest.raises(FusionLogError, match="--json"):
        make_plan(data, None, (), json=Path("/no/such/directory/summary.json"))


def test_children_get_the_settings_that_the_demo_has(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(data, "b", (), llm_url="http://127.0.0.1:1/v1")
    overrides = plan.overrides("127.0.0.1:9", Path("/encoder"))
    here = settings.load(**overrides)
    for name, value in environment(overrides).items():
        monkeypatch.setenv(name, value)
    assert settings.load() == here
    assert (here.system, str(here.label.url), here.kafka.partitions) == ("b", "http://127.0.0.1:1/v1", 1)


def test_the_train_worker_has_the_ray_and_the_sources_of_the_demo(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(data, "b", ())
    overrides = plan.overrides("127.0.0.1:9", Path("/encoder")) | plan.train_overrides("http://127.0.0.1:1", "hush")
    for name, value in environment(overrides).items():
        monkeypatch.setenv(name, value)
    here = settings.load()
    assert here.ray_token is not None and here.ray_token.get_secret_value() == "hush"
    assert (str(here.ray_address), here.train.sources, here.train.data) == ("http://127.0.0.1:1", ("a", "c"), str(data))


def test_the_environment_shows_through_where_the_demo_says_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_KAFKA__COMPRESSION", "gzip")
    here = settings.load(**make_plan(data, "b", ()).overrides("127.0.0.1:9", Path("/encoder")))
    assert here.kafka.compression == "gzip"


def test_the_targets_recorded_verdicts_are_the_teacher_where_there_are_some(data: Path) -> None:
    assert make_plan(data, "b", ()).teacher == "offline labeller (no LLM is asked)"
    verdicts = data / "b" / "verdicts.jsonl"
    verdicts.parent.mkdir()
    verdicts.touch()
    plan = make_plan(data, "b", ())
    assert (plan.verdicts, plan.teacher) == (verdicts, f"recorded verdicts ({verdicts})")
    assert make_plan(data, "c", ()).verdicts is None
    label = settings.load(**plan.overrides("127.0.0.1:9", Path("/encoder"), "http://127.0.0.1:7/v1")).label
    assert (str(label.url), label.model) == ("http://127.0.0.1:7/v1", "recorded")


def test_an_endpoint_comes_before_recorded_verdicts(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "b").mkdir()
    (data / "b" / "verdicts.jsonl").touch()
    assert make_plan(data, "b", (), llm_url="http://127.0.0.1:1/v1").teacher == "LLM at http://127.0.0.1:1/v1"
    monkeypatch.setenv("FUSIONLOG_LABEL__URL", "http://127.0.0.1:2/v1")
    assert make_plan(data, "b", ()).teacher == "LLM at http://127.0.0.1:2/v1"


def test_offline_is_offline_whatever_else_there_is(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "b").mkdir()
    (data / "b" / "verdicts.jsonl").touch()
    monkeypatch.setenv("FUSIONLOG_LABEL__URL", "http://127.0.0.1:2/v1")
    plan = make_plan(data, "b", (), offline=True)
    overrides = plan.overrides("127.0.0.1:9", Path("/encoder"))
    assert plan.teacher.startswith("offline")
    assert settings.load(**overrides).label.url is None
    for name, value in environment(overrides).items():
        monkeypatch.setenv(name, value)
    assert settings.load().label.url is None
    with pytest.raises(FusionLogError, match="--llm-url"):
        make_plan(data, "b", (), offline=True, llm_url="http://127.0.0.1:1/v1")
