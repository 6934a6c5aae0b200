from pathlib import Path

from fusionlog.evaluation.teacher_choice import chosen_teacher, kind
from fusionlog.settings import LabelSettings, Settings, SystemSettings
from fusionlog.teachers.base import Verdict, unit_of
from fusionlog.teachers.offline.teacher import OfflineTeacher
from tests.encoders import WordEncoder
from tests.factories import make_window

NAMED = Settings(label=LabelSettings(url="http://127.0.0.1:1/v1", model="wise"))


def test_an_endpoint_goes_before_recorded_verdicts_and_those_before_the_offline_labeller(data: Path) -> None:
    assert kind(NAMED, data, "shop") == "llm:wise"
    assert kind(Settings(), data, "shop") == "recorded"
    assert kind(Settings(), data, "moon") == "offline"
    assert kind(NAMED, data, "shop", offline=True) == "offline"


async def test_recorded_verdicts_answer_by_http(data: Path) -> None:
    async with chosen_teacher(Settings(), data, "shop") as each:
        teacher = each.teacher([], WordEncoder())
        [said] = await teacher.label([unit_of(make_window("disk failed"), SystemSettings())])
        await teacher.close()
    assert isinstance(said, Verdict) and said.probability == 0.9


async def test_recorded_verdicts_on_sources_are_served_too_where_there_are_any(data: Path) -> None:
    (data / "farm" / "verdicts.jsonl").unlink()
    async with chosen_teacher(Settings(), data, "shop", sources=["mill", "farm"]) as each:
        teacher = each.teacher([], WordEncoder())
        units = [unit_of(make_window("disk failed", system=system), SystemSettings()) for system in ("mill", "farm")]
        mill, farm = await teacher.label(units)
        await teacher.close()
    assert isinstance(mill, Verdict) and isinstance(farm, Verdict)
    assert (mill.probability, farm.events[0].reason) == (0.9, "unknown")


async def test_the_offline_labeller_is_taken_though_an_endpoint_is_configured(data: Path) -> None:
    async with chosen_teacher(NAMED, data, "shop", offline=True) as each:
        assert isinstance(each.teacher([], WordEncoder()), OfflineTeacher)
