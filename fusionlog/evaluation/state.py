"""What is done of an evaluation, kept so that a run which was ended goes on where it was."""

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
    """Finished tasks by key, a line of JSON each; without a path they are only kept in memory.

    A line that was cut off by the end of a run is dropped, and its task is done again. So is a task whose code, data,
    settings or teacher have changed since (see `matrix.key_of`).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: dict[str, Done] = {}
        if path is not None and path.exists():
            self._read(path)

    def __len__(self) -> int:
        return len(self._done)

    def get(self, key: str) -> Done | None:
        """The task of this key, if it is done."""
        return self._done.get(key)

    def passed_over(self, keys: Mapping[Task, str]) -> str | None:
        """A sentence on the tasks that are here, but not under the keys that they have now; None where there is none.

        :param keys: of the tasks that are to be done.
        """
        here = {done.task: done for done in self._done.values()}
        stale = [here[task] for task, key in keys.items() if task in here and key not in self._done]
        if not stale:
            return None
        older = sum(done.code != fingerprint() for done in stale)
        return (
            f"{self._path}: {len(stale)} of its runs are passed over and done again, {older} of them by other code and "
            f"{len(stale) - older} with other data, settings or another teacher"
        )

    def put(self, done: Done) -> None:
        """Keep a finished task; it is on the disk when this returns.

        :raises WriteError: the disk is full, for example. What was kept before is there.
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
    """Where the state of a run is that writes its table to `json`."""
    return None if json is None else json.with_name(json.name + SUFFIX)


def write_table(path: Path, done: Sequence[Done]) -> None:
    """The rows of all tasks and their means, as one JSON file that is never there by half."""
    replace_file(
        path, msgspec.json.format(msgspec.json.encode(table([row for each in done for row in each.rows]))) + b"\n"
    )


def write_predictions(path: Path, done: Iterable[Done]) -> None:
    """The verdicts on the test halves as JSON Lines."""
    encode = msgspec.json.encode
    replace_file(path, b"".join(encode(prediction) + b"\n" for each in done for prediction in each.predictions()))


def _decoded(kind: type, value: Any) -> Any:
    """msgspec has no paths of its own."""
    return Path(value) if kind is Path else value
