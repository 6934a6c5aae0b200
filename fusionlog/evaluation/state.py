"""The state file of an evaluation: finished tasks, so that an interrupted run resumes after the last of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fusionlog.errors import DataError
from fusionlog.evaluation.code_version import fingerprint
from fusionlog.evaluation.matrix import Done, Task
from fusionlog.evaluation.rows import table
from fusionlog.utils.files import replace_file, writing

SUFFIX = ".state.jsonl"


class State:
    """The outcomes of finished tasks by key, a line of JSON each; without a path they are kept in memory only.

    An incomplete last line is dropped, and its task runs again. So does a task whose code, data, settings or teacher
    have changed (see `matrix.key_of`).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: dict[str, Done] = {}
        if path is not None and path.exists():
            self._read(path)

    def __len__(self) -> int:
        return len(self._done)

    def get(self, key: str) -> Done | None:
        """The outcome under this key; None if there is none."""
        return self._done.get(key)

    def passed_over(self, keys: Mapping[Task, str]) -> str | None:
        """A sentence on outcomes that are stale: their task is to run, but its key has changed. None without any.

        :param keys: the current keys of the tasks to run.
        """
        here = {done.task: done for done in self._done.values()}
        stale = [here[task] for task, key in keys.items() if task in here and key not in self._done]
        if not stale:
            return None
        older = sum(done.code != fingerprint() for done in stale)
        return (
            f"{self._path}: {len(stale)} of its runs are stale and run again, {older} of them by other code and "
            f"{len(stale) - older} with other data, settings or another teacher"
        )

    def put(self, done: Done) -> None:
        """Add an outcome; it is on the disk when this returns.

        :raises WriteError: it cannot be written, for example because the disk is full. Earlier outcomes are kept.
        """
        self._done[done.key] = done
        if self._path is not None:
            with writing(self._path), self._path.open("ab") as file:
                file.write(msgspec.json.encode(done, enc_hook=str) + b"\n")
                file.flush()
                os.fsync(file.fileno())

    def _read(self, path: Path) -> None:
        decoder, whole = msgspec.json.Decoder(Done, dec_hook=_decoded), 0
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                done = decoder.decode(line)
            except msgspec.DecodeError as error:
                raise DataError(path, f"it is not the state of an evaluation ({error})", "remove it") from error
            self._done[done.key] = done
            whole += len(line)
        os.truncate(path, whole)


def state_path(json: Path | None) -> Path | None:
    """The path of the state file of a run that writes its table to `json`; None without one."""
    return None if json is None else json.with_name(json.name + SUFFIX)


def write_table(path: Path, done: Sequence[Done]) -> None:
    """Write the rows of all tasks and their means as one JSON file, replaced atomically."""
    replace_file(
        path, msgspec.json.format(msgspec.json.encode(table([row for each in done for row in each.rows]))) + b"\n"
    )


def write_predictions(path: Path, done: Iterable[Done]) -> None:
    """Write the verdicts on the test halves as JSON Lines."""
    encode = msgspec.json.encode
    replace_file(path, b"".join(encode(prediction) + b"\n" for each in done for prediction in each.predictions()))


def _decoded(kind: type, value: Any) -> Any:
    """A decoding hook of msgspec for paths."""
    return Path(value) if kind is Path else value
