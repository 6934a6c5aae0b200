import json

import pytest
import typer

from fusionlog.errors import ModelError
from ray_jobs.report import Exit, Report, run


async def _publish():
    return Report(outcome="published", reason="all well", system="shop", published=1, metrics={"a": 0.5}), Exit.DONE


async def _fail():
    raise ModelError("no base")


def test_the_last_line_is_the_report(capsys):
    with pytest.raises(typer.Exit) as ended:
        run("shop", _publish)
    sentence, line = capsys.readouterr().out.splitlines()
    assert ended.value.exit_code == 0 and sentence == "published: all well"
    assert json.loads(line)["published"] == 1 and json.loads(line)["metrics"] == {"a": 0.5}


def test_an_error_of_ours_is_a_sentence_and_a_code(capsys):
    with pytest.raises(typer.Exit) as ended:
        run("shop", _fail)
    assert ended.value.exit_code == Exit.FAILED
    assert capsys.readouterr().out.splitlines()[0] == "failed: no base"
