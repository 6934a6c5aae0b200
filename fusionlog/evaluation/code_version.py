"""The fingerprint of the running code: the figures of one evaluation must come from one version of it."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LIBRARIES = ("torch", "onnxruntime", "onnxruntime-gpu", "scikit-learn", "drain3")
"""Packages whose versions may change a figure."""


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """The fingerprint of this package and its libraries, computed once per process: later edits are not loaded."""
    return fingerprint_of(PACKAGE, {name: _version(name) for name in LIBRARIES})


def fingerprint_of(package: Path, libraries: dict[str, str]) -> str:
    """A hash of a package's Python files, by their relative paths, and of the versions of libraries."""
    digest = blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        content = blake2b(path.read_bytes(), digest_size=16).hexdigest()
        digest.update(f"{path.relative_to(package).as_posix()} {content}\n".encode())
    for name, found in sorted(libraries.items()):
        digest.update(f"{name} {found}\n".encode())
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
