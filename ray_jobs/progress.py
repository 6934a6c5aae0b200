"""The progress of a job: lines on its standard output, marked by its name, which the submitting program shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import typer

Show = Callable[[str], None]
"""Takes one line of progress."""


def nothing(line: str) -> None:
    """Show nothing."""


def marked(job: str) -> Show:
    """Prints each line behind the name of the job; at once, since the log of a job is a file."""

    def show(line: str) -> None:
        typer.echo(f"{job}: {line}")

    return show


def within(show: Show, place: str) -> Show:
    """Shows each line behind the place in the job where it is from."""
    return lambda line: show(f"{place}, {line}")


def steps(fits: int, done: int, each: int) -> str:
    """The steps that are done of some fits that run at a time, each of so many steps."""
    of = "" if fits == 1 else f"{fits} fits, "
    return f"{of}step {done:,} of {fits * each:,}"


class NewLines:
    """The complete lines of progress of a growing log, each once.

    :param job: the name behind which a line is progress.
    """

    def __init__(self, job: str) -> None:
        self.job, self._mark, self._taken = job, f"{job}: ", 0

    def take(self, log: str) -> Iterator[str]:
        """The lines that came since the last call.

        :param log: the whole log up to now; its last line may not be complete.
        """
        complete: Sequence[str] = log.split("\n")[:-1]
        for line in complete[self._taken :]:
            if line.startswith(self._mark):
                yield line.rstrip()
        self._taken = max(self._taken, len(complete))
