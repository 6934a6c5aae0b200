"""Any notifications file gives targets that can be used, or one sentence without a secret."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given

from fusionlog.errors import SettingError
from fusionlog.incidents.notifications.delivery import Delivery
from fusionlog.incidents.notifications.fields import check
from fusionlog.incidents.notifications.messages import request_of
from fusionlog.incidents.notifications.sample import sample, sample_end
from fusionlog.settings import Target, TargetSettings, read_targets
from tests.fuzz.invariants import assert_sentence
from tests.fuzz.mutation import SECRET, bytes_changed, value
from tests.fuzz.trials import RANDOMS, scratch, seeded, try_many

NOW = 1_700_000_000.0
TEMPLATES = (
    "$title", "${id}", "$", "$$", "$nope", "${title.__class__}", "{title}", '{"a": "$title", "n": $anomalies}', "{}",
    '{"a": $title}', "%s", "$severity" * 100, "é\x00", "[$anomalies]", "$lines",
)  # fmt: skip
OF_FIELD: dict[str, tuple[object, ...]] = {
    "type": ("slack", "alertmanager", "webhook", "pager", ["slack"]),
    "url": (
        f"https://hooks.example/{SECRET}", "http://127.0.0.1:9093", f"http://me:{SECRET}@h/x?y={SECRET}", "//h", "h:1",
        "http://[::1", "http://[::1]:9", "ftp://h", "http://h:99999", "http://h:0", f"http://h/{SECRET}\n", "http://",
        "http://é.example", "http://h\x00", "http:///x", f"http://{SECRET} h/", "http://h/ x", "HTTP://h",
    ),
    "url_file": ("/dev/null", "/", "relative", "/nowhere", SECRET),
    "token_file": ("/dev/null", "/etc", "relative"),
    "key_file": ("/dev/zero", "relative"),
    "ca_file": ("/dev/null", "/", "relative"),
    "severity": ("info", "critical", "fatal"),
    "systems": (["shop"], [], "shop", ["../x"], [1]),
    "updates": ([], ["severity", "systems", "explanation"], ["all"], "severity"),
    "send_resolved": (True, False, "maybe"),
    "per_minute": (1, 0, -1, 6000, 10**30, "x"),
    "timeout": (0.1, 0, 1e300, float("nan"), "1"),
    "give_up_seconds": (1, -1, float("inf")),
    "template": TEMPLATES,
    "link": ("https://console/$id", "console", "$id", "https://$nope", "javascript:$id", "https://c/$link"),
    "labels": ({"team": "shop"}, {"severity": "x"}, {"a-b": "c"}, {"a": ""}, {"a": 1}, ["a"], {"é": "x"}),
}  # fmt: skip


def notifications_file(random: Random) -> bytes:
    """A file of targets, of which most are good."""
    entries: dict[Any, Any] = {}
    for number in range(random.randint(1, 3)):
        entry: Any = {"type": random.choice(("slack", "alertmanager", "webhook")), "url": OF_FIELD["url"][0]}
        for name in random.sample(list(OF_FIELD), random.randint(0, 2)):
            entry[name] = random.choice(OF_FIELD[name])
        entries[f"t{number}" if random.random() < 0.9 else random.choice(("a/b", 1, "", "x" * 200))] = entry
    if random.random() < 0.1:
        entries[random.choice(("a", "b"))] = value(random, 3)
    data = yaml.safe_dump(entries, allow_unicode=True).encode()
    return bytes_changed(random, data) if random.random() < 0.3 else data


def try_file(random: Random) -> None:
    data = notifications_file(random)
    try:
        path = scratch() / "notifications.yaml"
        path.write_bytes(data)
        _use(path)
    except BaseException as error:
        error.add_note(repr(data[:4_000]))
        raise


def _use(path: Path) -> None:
    try:
        targets = read_targets(path)
    except SettingError as error:
        assert_sentence(error)
        return
    for target in targets.values():
        host = urlsplit(target.url.get_secret_value()).hostname or ""  # it is shown, whatever it is
        assert isinstance(target.settings, TargetSettings) and SECRET not in repr(target)
        assert SECRET not in target.place or SECRET in host
        try:
            check(target, sample(target, NOW))
            delivery = Delivery(target)
        except SettingError as error:
            assert_sentence(error)
        else:
            _send(target, delivery)


def _send(target: Target, delivery: Delivery) -> None:
    """Make the messages, and the request that goes out: what a URL holds is found before it is used."""
    opened = sample(target, NOW)
    for due in filter(None, (opened, sample_end(opened, target, NOW))):
        request = request_of([due], target, NOW)
        assert json.loads(request.body) is not None
        made = delivery._client.build_request("POST", request.url, content=request.body, headers=dict(request.headers))
        assert made.url.host
    asyncio.run(delivery.close())


@seeded(300)
@given(random=RANDOMS)
def test_any_notifications_file_gives_targets_or_one_sentence(random: Random) -> None:
    try_file(random)


@pytest.mark.long
def test_a_hundred_thousand_notifications_files() -> None:
    try_many("notifications file", try_file)
