from pathlib import Path

import pytest

from fusionlog import settings
from fusionlog.demo import parts
from fusionlog.demo.plan import make_plan
from fusionlog.teachers.base import Verdict
from fusionlog.teachers.llm.teacher import LLMTeacher
from fusionlog.utils.processes import ChildError
from tests.teachers.factories import make_rows, make_unit, write_rows


async def test_recorded_verdicts_are_asked_over_http_and_end_with_the_demo(tmp_path: Path) -> None:
    """The demo's own way: its plan, a child process, the settings of a worker, the worker's teacher."""
    (tmp_path / "systems.yaml").write_text("shed: {}\nshop: {}\n", encoding="utf-8")
    (tmp_path / "shop").mkdir()
    write_rows(tmp_path / "shop" / "verdicts.jsonl", make_rows())
    plan = make_plan(tmp_path, None, ())
    async with parts.recorded_teacher(plan.verdicts, tmp_path) as running:
        assert running is not None
        teacher = LLMTeacher(settings.load(**plan.overrides("127.0.0.1:9", tmp_path, running.url)).label)
        told = await teacher.label([make_unit("ledger 4 damaged badly"), make_unit("what is this")])
        await teacher.close()
    assert teacher.name == "llm:recorded"
    assert [(v.probability, v.reason) for v in told if isinstance(v, Verdict)] == [
        (0.9, "data lost"), (0.49, "no event of it is a fault by itself"),
    ]  # fmt: skip
    assert not running.child.running


async def test_without_recorded_verdicts_nothing_is_started(tmp_path: Path) -> None:
    async with parts.recorded_teacher(None, tmp_path) as running:
        assert running is None
    assert list(tmp_path.iterdir()) == []


async def test_verdicts_that_cannot_be_read_end_the_demo_in_one_sentence(tmp_path: Path) -> None:
    verdicts = write_rows(tmp_path / "verdicts.jsonl", [{**make_rows()[0], "confidence": 2}])
    with pytest.raises(ChildError, match=r"the recorded teacher ended by itself .*line 1: confidence is 2"):
        async with parts.recorded_teacher(verdicts, tmp_path):
            pass
