"""Environment variables and systems files of any shape."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import yaml

from fusionlog.settings import Settings, SystemSettings, WindowSettings, variables
from fusionlog.settings.systems import FormatName, MultilineSettings
from tests.fuzz.mutation import NUMBERS, SECRET, TEXTS, bytes_changed, changed, text, value

SECRETS = ("FUSIONLOG_KAFKA__SASL_PASSWORD", "FUSIONLOG_LABEL__API_KEY", "FUSIONLOG_SIGNING_KEY")
MISSPELT = (
    "FUSIONLOG_LABEL__APIKEY",
    "FUSIONLOG_SIGNINGKEY",
    "FUSIONLOG_KAFKA__PASSWORD",
    "FUSIONLOG_LABEL__API_KEY__X",
    "FUSIONLOG_",
    "FUSIONLOG_label__api_key",
    "FUSIONLOG_LABEL",
    "FUSIONLOG_KAFKA",
    "FUSIONLOG_INGEST",
    "fusionlog_kafka",
)
PLAIN = (
    "true",
    "false",
    "0",
    "1",
    "1.5",
    "none",
    "null",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "[]",
    "{}",
    '["log"]',
    '{"a": 1}',
    "set",
    "gru",
    "http://127.0.0.1:1/v1",
    f"https://user:{SECRET}@h.example/v1",
    "http://[::1",
    "http://h:99999",
    "ftp://x",
    "//",
    "PLAINTEXT",
    "SASL_SSL",
    "127.0.0.1:9092",
    ":::",
    "offline",
    "wait",
    "alpha",
    "+10:00",
    "./none",
    "2147483648",
    "-1",
    "1_0",
    " 5 ",
    "1" * 20,
    "1" * 5_000,
)
REGEXES = (
    r"order (\d+)",
    r"(\w+)",
    r"(",
    r"(?P<content>.*)",
    r"(?<content>.*)$",
    r"(?P<a>x)(?P<a>y)",
    r"[",
    r"\1",
    r"(a+)+$",
    r"a{99999999999}",
    r"(?i)x",
    r"x(?i)y",
    "(" * 300 + ")" * 300,
    r"[[a-z]]",
    r"\N{DIGIT ONE}",
    r"\d{1,3}(?:,\d{3})*",
    r"(?#x)(\S+)",
    r"^",
    r"",
    r"(|a)+",
    "é+",
    r"(?P<Time>\S+) (?P<CONTENT>.*)",
    r"\Z",
    r"(?<=a)b",
    r"(?<=a+)b",
    "\\",
    r"(?P<content>",
    r"(?:(?:a?){50}){50}",
)
HEADERS = (
    "<Date> <Time> <Level> <Component>: <Content>",
    "<Content>",
    "<Time>",
    "",
    "<A><B><Content>",
    "<Content> <Content>",
    "<",
    "<>",
    "<Content",
    "x <Content> y",
    "<Date> <Content>",
    "<a b> <Content>",
    "<Con\ntent>",
    "<Level>" * 60 + "<Content>",
    "%s {} <Content>",
)
FORMATS = (
    "{msg}",
    "{time} {level} {a.b.c} {msg}",
    "{",
    "}",
    "{}",
    "{0}",
    "{msg!r}",
    "{msg:>10}",
    "{a[0]}",
    "{msg.__class__}",
    "%s {msg} %",
    "",
    "x",
    "{a..b}",
    "{{msg}}",
    "{ msg }",
    "{" * 500,
)
OF_FIELD: dict[str, tuple[object, ...]] = {
    "json_line": FORMATS,
    "header": HEADERS,
    "header_regex": REGEXES,
    "session": REGEXES,
    "keep": REGEXES,
    "masks": REGEXES,
    "format": FormatName.__args__,  # type: ignore[attr-defined]
    "encoding": (
        "utf-8",
        "gbk",
        "utf-16",
        "UTF8",
        "idna",
        "punycode",
        "rot13",
        "base64",
        "hex",
        "zlib",
        "mbcs",
        "unicode_escape",
        "undefined",
        "cp037",
        "utf-7",
        "utf-8-sig",
        "x\x00y",
        "../x",
        "",
        "a" * 300,
    ),
    "timezone": (
        "UTC",
        "Europe/Berlin",
        "+01:00",
        "-9999",
        "../../etc/passwd",
        "/etc/localtime",
        "posixrules",
        "",
        "Mars/X",
        "UTC+25",
        "+24:00",
        "a\x00",
    ),
    "method": ("fusionlog", "offline", "magic"),
    "keys": ("first", "all", "both"),
    "window": (
        {"by": "session"},
        {"by": "count", "size": 3},
        {"size": 0},
        {"idle_seconds": 1e-9},
        {"idle_seconds": float("nan")},
        {"max_events": 10**9},
        {"by": "session", "idle_seconds": float("inf")},
    ),
    "multiline": (
        "auto",
        False,
        True,
        {"start": "^x"},
        {"continues": "("},
        {"start": "a", "continues": "b"},
        {"max_lines": 10**30},
    ),
    "time_field": ("t", "a.b", "none", "", "Time"),
    "date_field": ("d", "", None),
    "session_field": ("a.b", "Order", "", "."),
}
KEYS = (
    *SystemSettings.model_fields,
    *WindowSettings.model_fields,
    *MultilineSettings.model_fields,
    "Session",
    "sesion",
    "",
    "1",
    "a\nb",
)


def environment(random: Random) -> dict[str, str]:
    """A few variables: of settings, misspelt ones, and whole groups as JSON."""
    known = variables(Settings)
    names = [
        random.choice(known) if random.random() < 0.85 else random.choice(MISSPELT) for _ in range(random.randint(0, 3))
    ]
    names += [random.choice(SECRETS)] if random.random() < 0.3 else []
    return {name: SECRET if name in SECRETS else _of_environment(random, name) for name in names}


def _of_environment(random: Random, name: str) -> str:
    kind = random.random()
    if name in MISSPELT and kind < 0.5:
        chosen = random.choice((SECRET, f"\udcff{SECRET}", json.dumps({"api_key": SECRET, "sasl_password": SECRET})))
    elif kind < 0.5:
        chosen = random.choice(PLAIN) if name == "FUSIONLOG_LABEL__URL" else random.choice(PLAIN).replace(SECRET, "x")
    elif kind < 0.6:
        chosen = json.dumps({"api_key": 1, text(random): 1})
    elif kind < 0.8:
        chosen = str(random.choice([each for each in NUMBERS if abs(each) < 1e300]))
    else:
        chosen = random.choice((text(random), "\udcff"))
    return (
        chosen.replace("\x00", "")
        .encode("utf-8", "surrogateescape" if "\udcff" in chosen else "replace")
        .decode("utf-8", "surrogateescape")
    )


def entry(random: Random) -> Any:
    """An entry of the systems file."""
    if random.random() < 0.05:
        return value(random)
    found: dict[str, Any] = {}
    for _ in range(random.randint(0, 4)):
        name = random.choice(tuple(OF_FIELD)) if random.random() < 0.8 else random.choice(KEYS)
        chosen = random.choice(OF_FIELD[name]) if name in OF_FIELD and random.random() < 0.8 else value(random, 1)
        if name == "masks" and isinstance(chosen, str):
            chosen = {text(random): chosen}
        if name == "keep" and isinstance(chosen, str):
            chosen = [chosen]
        found[name] = chosen
    return changed(random, found) if random.random() < 0.1 else found


def systems_file(random: Random) -> bytes:
    """A systems file: YAML of entries, JSON, YAML that is mutated, or anything."""
    kind = random.random()
    if kind < 0.1:
        return random.choice(ODD_FILES)
    names = ("shop", "till", "a.b-c_1", "*", "..", "é", "", "x" * 201, 1, None, True, 1.5)
    tree: Any = {
        random.choice(names) if random.random() < 0.3 else "shop": entry(random) for _ in range(random.randint(1, 2))
    }
    if random.random() < 0.05:
        tree = value(random)
    try:
        data = yaml.safe_dump(tree, allow_unicode=random.random() < 0.5).encode("utf-8", "surrogatepass")
    except (yaml.YAMLError, RecursionError, ValueError, UnicodeError):
        data = random.choice(ODD_FILES)
    return bytes_changed(random, data) if random.random() < 0.15 else data


ODD_FILES = (
    b"",
    b"shop:",
    b"shop: {}\nshop: {}",
    b"- shop",
    b"\xff\xfe",
    b"\xef\xbb\xbfshop: {}",
    b"shop: &a {x: *a}",
    b"&a {shop: *a}",
    b"shop: !!python/object:os.system {}",
    b"shop: 2024-13-45",
    b"shop: {description: 2024-02-30}",
    b"shop: {description: 2024-02-30 25:61:61}",
    b"shop: !!int x",
    b"shop: !!float x",
    b"shop: !!binary '*'",
    b"shop: !!timestamp x",
    b"shop: 0x",
    b"shop: " + b"1" * 5_000,
    b"? [a]\n: 1",
    b"? {a: 1}\n: 1",
    b"shop: {[1]: 2}",
    b"<<: *x",
    b"<<: {shop: {}}",
    b"shop: {<<: 1}",
    b"[" * 400,
    b"{a: " * 400,
    b"shop: |\n " + b"x" * 70_000,
    b"%YAML 9.9\n---\nshop: {}",
    b"shop: {}\n---\ntill: {}",
    b"shop: !!set {a, b}",
    b"shop: !!omap [a: 1]",
    b"\x00",
    b"shop: \x07",
    b'shop: "\\ud800"',
    b'shop: {description: "\\ud800"}',
    b"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]",
    b"shop: 1:2:3:4",
    b"shop: {window: {by: session}}",
    b"shop: {repartition: true}",
    b"shop: {description: 190:20:30}",
    b"shop: {window: {size: 0b1_0}}",
    b"shop: {description: .nan}",
    b"shop: {description: !!null x}",
    b"=: 1",
    b"shop: =",
    b"shop: !<tag:yaml.org,2002:value> x",
    b"? \n: x",
    b"!!merge a: b",
    b"shop: {session: !!str 5}",
    b"? !!null x\n: {}",
)
assert TEXTS
