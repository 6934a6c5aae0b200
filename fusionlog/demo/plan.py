"""The plan of a demo: its target, sources, teacher and options, checked before anything is started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusionlog import settings
from fusionlog.data.bundled import DATASETS
from fusionlog.data.systems import FORM, read_catalog
from fusionlog.errors import DataError, SettingError
from fusionlog.teachers.recorded.chat import MODEL
from fusionlog.utils.masking import masked_url

VERDICTS = "verdicts.jsonl"
"""Recorded verdicts of a system, in its directory."""
SILENCE_SECONDS = 3.0
# Tansu answers a first join only after the rebalance timeout, so it must be short there.
DAY = 24 * 3600.0
NEW_LABELS = 80
"""So many labels of the target make its training due; where they do not come, the demo requests it."""
EMBEDDED_KAFKA = {"rebalance_timeout": 3.0, "session_timeout": 6.0, "partitions": 1}


@dataclass(frozen=True)
class Plan:
    """A target, its sources, their data directory, and the external parts that replace embedded ones."""

    data: Path
    target: str
    sources: tuple[str, ...]
    kafka: str | None = None
    ray: str | None = None
    llm_url: str | None = None
    llm_model: str | None = None
    verdicts: Path | None = None
    seconds: float = 45.0
    json: Path | None = None
    logs: Path | None = None

    @property
    def teacher(self) -> str:
        """The description of the teacher: an LLM endpoint, recorded verdicts or the offline labeller."""
        if self.llm_url:
            return f"LLM at {masked_url(self.llm_url)}"
        return f"recorded verdicts ({self.verdicts})" if self.verdicts else "offline labeller (no LLM is asked)"

    def overrides(self, bootstrap: str, encoder: Path, recorded_url: str | None = None) -> dict[str, Any]:
        """The demo's settings over the environment's: for `settings.load` and, flattened, for child processes.

        :param recorded_url: the endpoint of the recorded verdicts.
        """
        teacher: dict[str, Any] = {"url": recorded_url or self.llm_url}
        if recorded_url:
            teacher |= {"model": MODEL, "pseudonyms": False}
        elif self.llm_model:
            teacher["model"] = self.llm_model
        return {
            "kafka": {"bootstrap_servers": bootstrap, **({} if self.kafka else EMBEDDED_KAFKA)},
            "systems_file": str(self.data / "systems.yaml"),
            "system": self.target,
            "encoder": str(encoder),
            "metrics_host": "127.0.0.1",
            "ingest": {"silence_seconds": SILENCE_SECONDS},
            "label": teacher,
        }

    def train_overrides(self, address: str, token: str | None) -> dict[str, Any]:
        """The settings of the train worker beside these: one training, when there are enough labels.

        :param address: of the Jobs API. :param token: of a Ray that needs one.
        """
        return {
            "ray_address": address,
            "ray_token": token,
            "train": {
                "new_labels": NEW_LABELS, "interval": DAY, "stale_seconds": DAY, "drift": 0.0, "poll_seconds": 1.0,
                "sources": json.dumps(self.sources), "data": str(self.data),
            },
        }  # fmt: skip


def make_plan(
    data: Path | None, target: str | None, sources: tuple[str, ...], offline: bool = False, **rest: Any
) -> Plan:
    """The plan with its defaults: the bundled data, the last system of the catalogue, all others as sources.

    The teacher is the endpoint of an option or of the environment, else the target's recorded verdicts, else the
    offline labeller; with `offline` always the latter.

    :raises DataError: the directory has no catalogue. :raises SettingError: a system is not in it.
    """
    directory = (data or DATASETS).absolute()
    systems = list(read_catalog(directory))
    chosen = target or systems[-1]
    for option, system in [("--target", chosen), *(("--source", source) for source in sources)]:
        if system not in systems:
            raise SettingError(option, system, f"{directory / 'systems.yaml'} has {', '.join(systems)}")
    others = sources or tuple(system for system in systems if system != chosen)
    if chosen in others:
        raise SettingError("--source", chosen, "it is the target; a target's labels are never learned from")
    if not others:
        raise DataError(directory, f"no labelled system beside {chosen} to learn from", FORM)
    _check_json(rest.get("json"))
    rest |= _teacher(directory / chosen / VERDICTS, offline, rest.get("llm_url"))
    return Plan(data=directory, target=chosen, sources=others, **rest)


def _teacher(verdicts: Path, offline: bool, llm_url: str | None) -> dict[str, Any]:
    if offline and llm_url:
        raise SettingError(
            "--llm-url", masked_url(llm_url), "with --offline no endpoint is asked; leave one of them out"
        )
    if offline:
        return {"llm_url": None, "verdicts": None}
    configured = settings.load().label.url
    url = llm_url or (configured.get_secret_value() if configured else None)
    return {"llm_url": url, "verdicts": verdicts if url is None and verdicts.is_file() else None}


def _check_json(path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise SettingError("--json", str(path), "its directory does not exist")


def environment(overrides: Mapping[str, Any], prefix: str = "FUSIONLOG_") -> dict[str, str]:
    """Nested settings as environment variables: `{"kafka": {"partitions": 1}}` is `FUSIONLOG_KAFKA__PARTITIONS=1`.

    None is an empty variable, which means the default, also if the parent process has a value; so is the variable of a
    file, which would be a second value of the same setting.
    """
    found: dict[str, str] = {}
    for name, value in overrides.items():
        if isinstance(value, Mapping):
            found |= environment(value, f"{prefix}{name.upper()}__")
        else:
            variable = f"{prefix}{name.upper()}"
            found[variable] = "" if value is None else str(value)
            if variable in settings.file_settings(settings.Settings):
                found[f"{variable}{settings.FILE}"] = ""
    return found
