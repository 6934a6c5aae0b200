"""A valid record of each kind of envelope, and lines of each header format: what mutations begin with."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.parsing.envelopes.test_otlp import batch_of, proto_of

CASES = Path(__file__).parents[1] / "cases"
PRESETS = Path(__file__).parents[1] / "parsing" / "preset_lines.jsonl"
NOON = 1714557600.0  # 2024-05-01T10:00:00Z
ISO = "2024-05-01T10:00:00.250Z"
LINE = "2024-05-01 10:00:00,250 INFO cart.Order: order 17 paid 12.50 EUR in 3.9 s by a@b.example delay=3.9, retries=2"

OBJECTS: tuple[dict[str, Any], ...] = (
    {"date": NOON, "log": f"{LINE}\n", "tag": "kube.var.log.cart-1"},
    {
        "@timestamp": NOON,
        "stream": "stderr",
        "log": LINE,
        "logtag": "P",
        "kubernetes": {"pod_name": "p", "labels": {"a": "b"}},
    },
    {
        "log": LINE,
        "container_id": "3f",
        "source": "stdout",
        "partial_message": "true",
        "partial_id": "a",
        "partial_last": "false",
    },
    {
        "message": LINE,
        "timestamp": ISO,
        "source_type": "kubernetes_logs",
        "stream": "stdout",
        "kubernetes": {"pod_name": "p"},
    },
    {"message": LINE, "timestamp": ISO, "source_type": "file", "file": "/var/log/a.log", "host": "h", "_partial": True},
    {
        "@timestamp": ISO,
        "message": LINE,
        "log": {"offset": 7, "file": {"path": "/a.log"}},
        "host": {"name": "w"},
        "agent": {},
    },
    {"@timestamp": ISO, "@version": "1", "event": {"original": LINE}, "process": {"name": "sshd", "pid": 7}},
    {"labels": {"pod": "p", "app": "a"}, "line": LINE, "ts": ISO},
    {"labels": {"app": "a"}, "entry": {"line": LINE, "ts": ISO}},
    {
        "streams": [
            {"stream": {"app": "a"}, "values": [[str(int(NOON * 1e9)), LINE], [str(int(NOON * 1e9)), "order 18 lost"]]}
        ]
    },
    {"msg": LINE, "timereported": ISO, "hostname": "h", "pri": "78", "programname": "cron", "syslogtag": "cron[7]:"},
    {"MESSAGE": list(LINE.encode()), "__REALTIME_TIMESTAMP": str(int(NOON * 1e6)), "_HOSTNAME": "h", "_PID": "7"},
    {
        "MESSAGE": "order 17",
        "CONTAINER_PARTIAL_MESSAGE": "true",
        "CONTAINER_PARTIAL_ID": "a",
        "CONTAINER_PARTIAL_LAST": "true",
    },
    {"log": f"{LINE}\r\n", "stream": "stderr", "time": "2024-05-01T12:00:00.123456789+02:00"},
    {
        "version": "1.1",
        "host": "h",
        "short_message": LINE,
        "full_message": f"{LINE}\n at x.y(Z.java:7)",
        "timestamp": NOON,
    },
    {"time": NOON, "host": "h", "sourcetype": "x", "event": {"msg": LINE, "order": "17"}},
    {"logGroup": "g", "logStream": "s", "logEvents": [{"timestamp": NOON * 1000, "message": LINE}] * 3},
    {"records": [{"time": ISO, "category": "x", "message": LINE, "properties": {"order": 17}}]},
    {"schema": {"type": "string", "optional": False}, "payload": LINE},
    {"schema": {"type": "struct"}, "payload": {"log": LINE, "time": NOON}},
    {
        "time": ISO,
        "level": "info",
        "msg": "order 17 paid",
        "order": "17",
        "http.status": 500,
        "took": 3.9,
        "err": {"code": 7},
    },
    {
        "t": {"$date": ISO},
        "s": "I",
        "c": "NETWORK",
        "id": 22943,
        "ctx": "conn7",
        "msg": "Connection accepted",
        "attr": {"n": 1},
    },
    {"level": "warn", "event": "order 17 lost"},
)

TEXTS: tuple[bytes, ...] = (
    LINE.encode(),
    b"order 17 paid",
    b"order=18 order=19 moved 4096 bytes, 93 % of disk",
    b"  at cart.Order.pay(Order.java:17)",
    b"Caused by: x.Y: z",
    b"2024-05-01T10:00:00.123456789Z stdout P order 17 pa",
    b"2024-05-01T10:00:00.123456789Z stdout F id",
    b'2024-05-01T10:00:00.25Z stderr F {"ts": 1714557590.5, "msg": "order 17 paid"}',
    f"{LINE}\njava.lang.IllegalStateException: order 17\n\tat a.b(C.java:1)\n\t... 3 more\n".encode(),
    b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1714557600000000\nMESSAGE=order 17 paid\n_PID=7\n\n__CURSOR=s=2\nMESSAGE\n"
    b"\x05\x00\x00\x00\x00\x00\x00\x00a\nb\xffc\n",
    "订单 17 已支付".encode(),
    "订单 17 已支付".encode("gbk"),
    "order 17 paid".encode("utf-16"),
    "\ufefforder 17".encode(),
    b'{"log":"order 17 paid"}\n{"log":"order 18 lost"}\n',
    b'[{"log":"order 17"}, {"log": ""}, null, 7, "x", {"log":"order 18"}]',
    b'"{\\"log\\": \\"order 17 paid\\"}"',
    b'{"log": "{\\"msg\\": \\"order 17 paid\\", \\"order\\": \\"17\\"}"}',
    b"",
    b"\x00\x01\x02",
    b"\x1b[1;31mERROR\x1b[0m order 17",
    b"key=" + b"x" * 3_000,
)


@cache
def valid_records() -> tuple[bytes, ...]:
    """All of them."""
    batch = batch_of(
        {
            "timeUnixNano": str(int(NOON * 1e9)),
            "body": {"stringValue": LINE},
            "attributes": [
                {"key": "order", "value": {"intValue": "17"}},
                {"key": "a", "value": {"arrayValue": {"values": [{"boolValue": True}]}}},
                {"key": "k", "value": {"kvlistValue": {"values": [{"key": "x", "value": {"doubleValue": 0.5}}]}}},
            ],
        }
    )
    presets = [json.loads(line) for line in PRESETS.read_text(encoding="utf-8").splitlines()]
    lines = [each["line"].encode() for each in presets if isinstance(each.get("line"), str)]
    cases = [
        record
        for path in sorted(CASES.glob("*/*"))
        if path.suffix in (".log", ".jsonl")
        for record in path.read_bytes().splitlines()[:3]
    ]
    objects = [json.dumps(each).encode() for each in (*OBJECTS, *OBJECTS, batch)]
    return (*objects, *TEXTS, proto_of(batch), *lines, *cases)
