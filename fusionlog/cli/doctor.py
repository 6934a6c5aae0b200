"""`fusionlog doctor`: every part that FusionLog needs, each with a verdict and the way out."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console

from fusionlog import settings
from fusionlog.cli.notify import checked
from fusionlog.cli.printing import printable
from fusionlog.cli.status import problems, read
from fusionlog.errors import FusionLogError
from fusionlog.settings import Settings, unknown_systems
from fusionlog.signing.signatures import OFF, REMEDY
from fusionlog.topics import Role
from fusionlog.utils.masking import masked_url

State = Literal["ok", "warning", "failed", "not used"]

ANSWER_SECONDS = 10.0
CLOCK_SECONDS = 30.0
"""Clocks that differ by more mix up the order of labels, releases and budgets."""
LITTLE_BYTES, LEAST_BYTES = 2 * 1024**3, 200 * 1024**2


class Finding(msgspec.Struct, frozen=True):
    """What was found of a part; `text` has the reason and the way out."""

    part: str
    state: State
    text: str


def doctor(
    role: Annotated[
        Role | None,
        typer.Option(help="check that Kafka permits this login what the role does; default: to see all topics"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a line")] = False,
) -> None:
    """Check Kafka, topics and permissions, workers, clocks, Ray, the language model, targets of notifications, GPU,
    encoder, signatures, disk.

    Nothing is changed, and no window is sent anywhere. Exit code 1 where a part failed.
    """
    config, found = settings.load(), []
    checks: dict[str, Check] = {**CHECKS, "topics": partial(check_topics, role=role)}
    for part, check in checks.items():
        for state, text in _checked(check, config):
            found.append(Finding(part, state, text))
            line = msgspec.json.encode(found[-1]).decode() if json else f"{state:9} {part:9} {printable(text)}"
            Console(soft_wrap=True).print(line, markup=False, highlight=False)
    if any(each.state == "failed" for each in found):
        raise typer.Exit(1)


Check = Callable[[Settings], Iterator[tuple[State, str]]]


def _checked(check: Check, config: Settings) -> Iterator[tuple[State, str]]:
    try:
        yield from check(config)
    except FusionLogError as error:
        yield "failed", str(error)


def check_kafka(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether Kafka answers this client."""
    from fusionlog.kafka.client import partition_counts

    counts = asyncio.run(partition_counts(config.kafka))
    yield "ok", f"{config.kafka.bootstrap_servers} answers, and shows {len(counts)} topics"


def check_topics(config: Settings, role: Role | None = None) -> Iterator[tuple[State, str]]:
    """Whether the topics are there and as they must be, and this client may see them; or do with those of a role, and
    with its consumer groups, what the role does."""
    from fusionlog.kafka import admin

    found = asyncio.run(admin.check_topics(config, role))
    for problem in found:
        yield ("failed" if problem.fatal else "warning"), str(problem)
    if not found and role is not None:
        number = len(config.topics.used(role))
        yield "ok", f"the {number} of {role} are as they must be, and this client may do with them what {role} does"
    elif not found:
        yield "ok", f"all {len(config.topics.all())} are as they must be, and this client may see them"


def check_workers(config: Settings) -> Iterator[tuple[State, str]]:
    """What the workers report."""
    found = asyncio.run(read(config))
    for problem in problems(found):
        yield "failed", problem
    roles = {each.role for each in found.workers}
    for role in ("ingest", "score", "label"):
        if role not in roles:
            yield "warning", f"no {role} worker reports: start one  (fusionlog worker {role})"
    if roles and not problems(found):
        yield "ok", f"{len(found.workers)} workers report that they are well"


def check_clocks(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether the clocks of workers agree with that of this machine, as far as their reports show."""
    found, now = asyncio.run(read(config)), time.time()
    ahead = [each for each in found.workers if each.at - now > CLOCK_SECONDS]
    for each in ahead:
        yield (
            "failed",
            (
                f"the clock of {each.role} worker {each.worker} is {each.at - now:.0f} s ahead of this machine's: "
                "synchronise both (NTP)"
            ),
        )
    for each in found.gone:
        yield (
            "warning",
            f"the last report of {each.role} worker {each.worker} is {now - each.at:.0f} s old: it is gone, or its "
            "clock is late",
        )
    if found.workers and not ahead:
        yield "ok", f"no worker's clock is more than {CLOCK_SECONDS:.0f} s ahead of this machine's"


def check_ray(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether the Ray Jobs API answers."""
    if config.ray_address is None:
        yield "not used", "FUSIONLOG_RAY_ADDRESS is not set: jobs start a Ray of their own"
        return
    address = config.ray_address.get_secret_value().rstrip("/")
    token = config.ray_token.get_secret_value() if config.ray_token else os.environ.get("RAY_AUTH_TOKEN")
    status, why = _get(f"{address}/api/version", token)
    place = masked_url(address)
    if status in (401, 403):
        yield "failed", f"Ray at {place} refuses this client ({status}): set FUSIONLOG_RAY_TOKEN"
    elif status != 200:
        yield "failed", f"no Ray Jobs API at {place} ({why}): start Ray there, or set FUSIONLOG_RAY_ADDRESS"
    else:
        yield "ok", f"the Ray Jobs API answers at {place}"


def check_llm(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether the endpoint of the language model answers, with the key of the settings; no call is spent."""
    label = config.label
    if label.url is None:
        yield "not used", "FUSIONLOG_LABEL__URL is not set: the offline teacher labels"
        return
    address, key = label.url.get_secret_value().rstrip("/"), label.api_key
    status, why = _get(f"{address}/models", key.get_secret_value() if key else None)
    place = masked_url(address)
    if status in (401, 403):
        yield "failed", f"{place} refuses the key ({status}): set FUSIONLOG_LABEL__API_KEY"
    elif status is None or status >= 500:
        yield "failed", f"{place} does not answer ({why}): set FUSIONLOG_LABEL__URL, or start it"
    else:
        yield "ok", f"{place} answers ({status}); what the model can do is found by  fusionlog teacher check"


def check_notifications(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether the file of targets, their secrets and templates can be used; nobody is notified."""
    if config.notifications_file is None:
        yield "not used", "FUSIONLOG_NOTIFICATIONS_FILE is not set: nobody is notified of incidents"
        return
    for problem in unknown_systems(checked(config), config.described):
        yield "warning", problem
    yield "ok", f"{len(config.targets)} targets can be read; whether they accept messages:  fusionlog notify test"


def _get(url: str, token: str | None) -> tuple[int | None, str]:
    """The status of a page, and why there is none or an unusual one."""
    try:
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, f"status {error.code}"
    except (OSError, ValueError) as error:
        return None, str(getattr(error, "reason", error))


def check_gpu(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether CUDA can be used, where the settings want it."""
    from fusionlog.utils.cuda import missing_cuda

    provider = config.score.provider
    if provider == "cpu":
        yield "not used", "FUSIONLOG_SCORE__PROVIDER is cpu"
        return
    missing = missing_cuda()
    if missing is None:
        yield "ok", "models run on CUDA"
    else:
        state: State = "failed" if provider == "cuda" else "warning" if missing.expected else "not used"
        yield state, f"models run on the CPU ({missing.why}): {missing.remedy}"


def check_encoder(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether the encoder loads and encodes."""
    from fusionlog.embedding.encoder import load_encoder

    encoder = load_encoder(config)
    encoder(["a line"])
    yield "ok", f"encoder {encoder.name} of {encoder.dim} dimensions works on {encoder.provider}"


def check_signatures(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether labels and releases are verified."""
    if config.signatures.verifies:
        yield "ok", f"labels, releases and feedback are verified; this client's key: {config.signatures.key or 'none'}"
    else:
        yield "warning", f"{OFF}: {REMEDY}"


def check_disk(config: Settings) -> Iterator[tuple[State, str]]:
    """Whether there is room for the encoder and for temporary files."""
    for path in dict.fromkeys((_existing(config.cache_dir.expanduser()), Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(path).free
        state: State = "failed" if free < LEAST_BYTES else "warning" if free < LITTLE_BYTES else "ok"
        way_out = "" if state == "ok" else ": make room, or set FUSIONLOG_CACHE_DIR and TMPDIR"
        yield state, f"{path} has {free / 1024**3:.1f} GiB free{way_out}"


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


CHECKS: dict[str, Check] = {
    "kafka": check_kafka, "topics": check_topics, "workers": check_workers, "clock": check_clocks, "ray": check_ray,
    "llm": check_llm, "notify": check_notifications, "gpu": check_gpu, "encoder": check_encoder,
    "signing": check_signatures, "disk": check_disk,
}  # fmt: skip
