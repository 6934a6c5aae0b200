"""Packages import only downwards; faust, ray and torch stay where they belong; the top of fusionlog/ stays short."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOPS = ("fusionlog", "agents", "ray_jobs")

# From the bottom up. A package imports what stands on a lower floor, never its neighbours on its own.
FLOORS = (
    ("types", "errors"),
    ("records", "rules", "utils", "decision"),
    ("signing",),
    ("novelty", "topics", "releases"),
    ("settings", "schemas"),
    ("parsing", "embedding", "detector", "active_learning", "observability", "incidents"),
    ("kafka", "routing", "data"),
    ("teachers",),
    ("online", "distillation", "explanation"),
    ("methods", "bundled"),
    ("workers", "evaluation"),
    ("agents", "ray_jobs", "onboarding", "client"),
    ("demo", "api"),
    ("cli",),
    ("__main__",),
)
MOST_AT_THE_TOP = 34

# Library: the packages, or single modules, that may import it.
LIBRARIES = {
    "faust": ("agents",),
    "mode": ("agents",),
    "ray": ("ray_jobs",),
    "torch": (
        "fusionlog.bundled.build",
        "fusionlog.detector.network",
        "fusionlog.detector.set_network",
        "fusionlog.detector.gru",
        "fusionlog.detector.training",
        "fusionlog.detector.domain_generalization",
        "fusionlog.detector.export",
        "fusionlog.embedding.export",
        "fusionlog.methods.meta_protonet.learners",
    ),
    "cryptography": ("fusionlog.signing",),
    "opentelemetry": ("fusionlog.parsing.envelopes.otlp",),
    "google": ("fusionlog.parsing.envelopes.otlp",),
    "kingfisher_sdk": ("fusionlog.utils.redaction.detector",),
    "pickle": (),
    "jsonpickle": (),
}


def imports_of(root: Path) -> dict[str, set[str]]:
    """The modules under a root, and the dotted names that each of them imports."""
    found = {}
    for path in sorted(path for top in TOPS for path in (root / top).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[module] = set(_names(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package_of(name: str) -> str | None:
    """`kafka` of `fusionlog.kafka.client`, `agents` of `agents.app`; None of what is not ours."""
    top, *rest = name.split(".")
    if top == "fusionlog":
        return rest[0] if rest else None
    return top if top in TOPS else None


def arrows(imports: Mapping[str, set[str]]) -> Iterator[tuple[str, str, str, str]]:
    """Package, imported package, module, imported name: of each import that crosses packages."""
    for module, names in imports.items():
        here = package_of(module)
        for name in sorted(names):
            there = package_of(name)
            if here and there and here != there:
                yield here, there, module, name


def upward_imports(imports: Mapping[str, set[str]]) -> list[str]:
    """The imports that do not point down, and the packages that no floor has."""
    floor = {package: number for number, packages in enumerate(FLOORS) for package in packages}
    unknown = {package for module in imports if (package := package_of(module)) and package not in floor}
    return [f"{package}: no floor in FLOORS" for package in sorted(unknown)] + [
        f"{module} imports {name}: {here} is not above {there}"
        for here, there, module, name in arrows(imports)
        if not floor.get(here, -1) > floor.get(there, len(FLOORS))
    ]


def misplaced_libraries(imports: Mapping[str, set[str]]) -> list[str]:
    """The imports of a library outside the modules that may import it."""
    return [
        f"{module} imports {name}: only {', '.join(allowed) or 'nobody'} may"
        for module, names in imports.items()
        for name in sorted(names)
        for allowed in [LIBRARIES.get(name.split(".")[0])]
        if allowed is not None and not any(f"{module}.".startswith(f"{each}.") for each in allowed)
    ]


def circles(imports: Mapping[str, set[str]]) -> list[str]:
    """The packages that are in a circle of imports, or depend on one."""
    graph: dict[str, set[str]] = {package: set() for module in imports if (package := package_of(module))}
    for here, there, *_ in arrows(imports):
        graph[here].add(there)
    while leaves := {package for package, targets in graph.items() if not targets & graph.keys()}:
        graph = {package: targets for package, targets in graph.items() if package not in leaves}
    return sorted(graph)


def names_at_the_top(root: Path) -> list[str]:
    """Modules and packages directly in fusionlog/, `__init__` and `__main__` aside."""
    return sorted(
        path.stem
        for path in (root / "fusionlog").iterdir()
        if not path.name.startswith("__") and (path.suffix == ".py" or (path / "__init__.py").is_file())
    )


def test_packages_import_downwards_only() -> None:
    assert upward_imports(imports_of(ROOT)) == []


def test_faust_ray_and_torch_stay_where_they_belong() -> None:
    assert misplaced_libraries(imports_of(ROOT)) == []


def test_the_top_is_short_and_has_no_circle() -> None:
    assert len(names_at_the_top(ROOT)) <= MOST_AT_THE_TOP, names_at_the_top(ROOT)
    assert circles(imports_of(ROOT)) == []


def test_an_offending_import_is_named(tmp_path: Path) -> None:
    sources = {
        "fusionlog/__init__.py": "",
        "fusionlog/kafka/__init__.py": "",
        "fusionlog/kafka/client.py": "def read():\n    from fusionlog.workers import label\n",
        "fusionlog/data.py": "import fusionlog.kafka.client\nimport faust.app\n",
        "fusionlog/workers/__init__.py": "",
        "fusionlog/workers/label.py": "from fusionlog.data import rows\nfrom ray_jobs import tasks\n",
        "fusionlog/attic.py": "import torch\n",
        "agents/app.py": "import faust\nfrom fusionlog import workers\n",
        "ray_jobs/tasks.py": "import ray\n",
    }
    for name, text in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    imports = imports_of(tmp_path)
    assert upward_imports(imports) == [
        "attic: no floor in FLOORS",
        "fusionlog.data imports fusionlog.kafka.client: data is not above kafka",
        "fusionlog.kafka.client imports fusionlog.workers.label: kafka is not above workers",
        "fusionlog.workers.label imports ray_jobs.tasks: workers is not above ray_jobs",
    ]
    assert [line.split(":")[0] for line in misplaced_libraries(imports)] == [
        "fusionlog.attic imports torch",
        "fusionlog.data imports faust.app",
    ]
    assert circles(imports) == ["agents", "data", "kafka", "workers"]
    assert names_at_the_top(tmp_path) == ["attic", "data", "kafka", "workers"]
