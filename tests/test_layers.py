"""Imports point down: agents, ray_jobs, cli, demo -> the rest of fusionlog -> records, errors, types."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("agents", "ray_jobs", "fusionlog.cli", "fusionlog.demo")
BOTTOM = ("fusionlog.records", "fusionlog.errors", "fusionlog.types")
FILES = sorted(path for folder in ("agents", "ray_jobs", "fusionlog") for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def under(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_down(path: Path) -> None:
    module, imports = module_of(path), list(imports_of(path))
    if not under(module, TOP) and module != "fusionlog.__main__":
        assert not [name for name in imports if under(name, TOP)]
    if module in BOTTOM:
        assert not [name for name in imports if under(name, ("fusionlog",)) and not under(name, BOTTOM)]


@pytest.mark.parametrize(
    ("package", "allowed"),
    [("faust", ("agents",)), ("mode", ("agents",)), ("ray", ("ray_jobs",)), ("pickle", ()), ("jsonpickle", ())],
)
def test_a_package_stays_where_it_belongs(package: str, allowed: tuple[str, ...]) -> None:
    users = {module_of(path) for path in FILES if any(under(name, (package,)) for name in imports_of(path))}
    assert not {module for module in users if not under(module, allowed)}


def test_modules_import_each_other_in_no_circle() -> None:
    modules = {module_of(path) for path in FILES}
    graph = {
        module_of(path): {name for name in imports_of(path) if name in modules} - {module_of(path)} for path in FILES
    }
    while leaves := {module for module, names in graph.items() if not names & graph.keys()}:
        graph = {module: names for module, names in graph.items() if module not in leaves}
    assert not graph, f"these are in a circle, or depend on one: {sorted(graph)}"
