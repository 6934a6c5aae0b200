"""The Python API: its examples run, it loads lazily, and it computes what `evaluate` computes."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace

import fusionlog
from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.kafka.codecs import encode
from fusionlog.methods.source_only import source_only
from fusionlog.settings.signing import signatures_of
from tests.evaluation.conftest import data
from tests.methods.factories import fold_of, make_context
from tests.signing.factories import write_keys

__all__ = ["data"]

ROOT = Path(__file__).parents[1]
NEEDS_NOTHING = """
import sys
before = set(sys.modules)
import fusionlog
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names)), fusionlog.__version__, "AnomalyDetector" in dir(fusionlog))
"""
EXAMPLES = """
import doctest
import fusionlog.api
failed, tried = doctest.testmod(fusionlog.api, optionflags=doctest.ELLIPSIS)
print(tried)
raise SystemExit(failed)
"""
WITHOUT_DRAIN = """
import sys
sys.modules["drain3"] = None
try:
    from fusionlog import parse_lines
except fusionlog.errors.FusionLogError as error:
    print(error)
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_examples_of_the_docstrings_run_and_each_name_has_one() -> None:
    assert int(run(EXAMPLES)) > 0
    tree = ast.parse((ROOT / "fusionlog" / "api.py").read_text(encoding="utf-8"))
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public and node.name != "ScoredWindow":
            assert doctest.DocTestParser().get_examples(ast.get_docstring(node) or ""), f"{node.name} has no example"


def test_importing_the_package_imports_nothing_else() -> None:
    assert run(NEEDS_NOTHING).split("\n")[0] == f"['fusionlog'] {fusionlog.__version__} True"


def test_the_names_of_the_package_are_those_of_the_module() -> None:
    code = "import fusionlog.api; print(sorted([*fusionlog.api.__all__, '__version__']))"
    assert run(code).strip() == str(sorted(fusionlog.__all__))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fusionlog.nothing  # noqa: B018


def test_the_version_is_that_of_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "fusionlog", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fusionlog {fusionlog.__version__}\n"


def test_without_its_extra_a_name_tells_which_one() -> None:
    code = WITHOUT_DRAIN.replace("import sys\n", "import sys, fusionlog.errors\n")
    assert run(code) == ("fusionlog.parse_lines needs drain3: install it with  pip install 'fusionlog[agents]'\n")


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """The module configures structlog where nobody has; other tests read its log."""
    before = structlog.is_configured()
    yield
    if not before:
        structlog.reset_defaults()


async def test_a_detector_scores_as_an_evaluation_does(data: Path, logs_as_before: None) -> None:
    context, fold = make_context(), fold_of(data, "job lost", "retry scheduled", "job started")
    expected = await source_only(fold, context)
    config = context.settings.model_copy(update={"method": "source-only"})
    detector = fusionlog.AnomalyDetector("shop", releases.sign(context.base(), None), config, context.encode)
    found = detector.score(fold.test)
    assert [(each.probability, each.anomalous) for each in found] == [
        (each.score, each.anomalous) for each in expected.outcomes
    ]
    assert [each.route.similarity for each in found] == expected.similarities
    assert all(set(each.events) == {event.template for event in each.window.events} for each in found)


async def test_windows_of_both_routes_are_scored_in_order(data: Path, logs_as_before: None) -> None:
    context, fold = make_context(), fold_of(data, "disk failed", "job started", "disk failed", "job lost")
    detector = fusionlog.AnomalyDetector("shop", releases.sign(context.base(), None), context.settings, context.encode)
    found = detector.score(fold.test)
    assert [each.window.session for each in found] == [window.session for window in fold.test]
    assert {each.route.kind for each in found} == {"general", "proprietary"}
    assert detector.score([]) == []


def test_a_release_of_another_system_or_altered_is_refused(logs_as_before: None) -> None:
    context = make_context()
    for release, reason in (
        (releases.sign(replace(context.base(), system="barn"), None), "is of system barn, and shop by method"),
        (context.base(), "does not match its sha256"),
    ):
        with pytest.raises(ModelError, match=reason):
            fusionlog.AnomalyDetector("shop", release, context.settings, context.encode)


def test_a_file_must_be_signed_where_a_key_is_set_and_the_bundled_base_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs_as_before: None
) -> None:
    base = fusionlog.load_release()
    (tmp_path / "base.json.gz").write_bytes(releases.release_bytes(base))
    (tmp_path / "base.json").write_bytes(encode(base))
    assert fusionlog.load_release(tmp_path / "base.json.gz") == fusionlog.load_release(tmp_path / "base.json") == base
    keys = write_keys(tmp_path)["trainer"]
    monkeypatch.setenv("FUSIONLOG_SIGNING__PUBLIC_KEYS", str(keys.public_keys))
    with pytest.raises(ModelError, match="unsigned"):
        fusionlog.load_release(tmp_path / "base.json.gz")
    (tmp_path / "base.json").write_bytes(encode(releases.sign(base, signatures_of(keys))))
    assert fusionlog.load_release(tmp_path / "base.json").signature
    assert fusionlog.load_release() == base


def test_lines_without_a_key_are_in_no_window_and_blank_ones_no_events(logs_as_before: None) -> None:
    shop = fusionlog.SystemSettings(session=r"s=(\w+)", window={"by": "session", "idle_seconds": 10})
    lines = ["2026-01-31 12:00:01 s=a up", "", "2026-01-31 12:00:02 nobody", " \n", "2026-01-31 12:00:30 s=a down"]
    events = fusionlog.parse_lines(lines, "shop", shop)
    windows = fusionlog.cut_windows(events, "shop", shop)
    assert [event.session for event in events] == ["a", None, "a"]
    assert [(window.first_offset, window.closed_by) for window in windows] == [(0, "idle"), (2, "silence")]
    together = fusionlog.cut_windows(events, "shop", shop, times=[0.0, 1.0, 2.0])
    assert [len(window.sequence) for window in together] == [2]
