"""What the chart has from its values' comments and from the code: `make chart-pages`.

values.schema.json and README.md from fusionlog/values.yaml; the topics and the permissions of each role from
`fusionlog.topics`; the settings and the systems file in the schema from `fusionlog.settings`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, get_args

import yaml

from fusionlog.kafka.acls import grants
from fusionlog.settings import Settings, TargetSettings
from fusionlog.settings.notifications import TARGET_NAME
from fusionlog.settings.secrets import fields_of, file_settings, variable
from fusionlog.settings.systems import SystemSettings
from fusionlog.topics import CANARY, EVERYONE, Role, Topics

CHART = Path(__file__).parent / "fusionlog"
Schema: TypeAlias = dict[str, Any]
PATTERNS = Topics("{topic_prefix}", "{raw_prefix}", systems=("{system}",), repartitioned=("{system}",))
"""Topics whose names are patterns that the chart fills in."""
ROLES = tuple(role for role in get_args(Role))
SET_BY_THE_CHART = frozenset({
    "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS", "FUSIONLOG_KAFKA__SECURITY_PROTOCOL", "FUSIONLOG_KAFKA__SASL_MECHANISM",
    "FUSIONLOG_KAFKA__OAUTH_SCOPE", "FUSIONLOG_KAFKA__SSL_CAFILE", "FUSIONLOG_KAFKA__SSL_CERTFILE",
    "FUSIONLOG_KAFKA__SSL_KEYFILE", "FUSIONLOG_KAFKA__GROUP_INSTANCE_ID", "FUSIONLOG_KAFKA__PARTITIONS",
    "FUSIONLOG_KAFKA__REPLICATION_FACTOR", "FUSIONLOG_TOPIC_PREFIX", "FUSIONLOG_RAW_PREFIX", "FUSIONLOG_SYSTEMS_FILE",
    "FUSIONLOG_NOTIFICATIONS_FILE",
    "FUSIONLOG_LABEL__MODEL", "FUSIONLOG_SIGNING__KEY_FILE", "FUSIONLOG_SIGNING__PUBLIC_KEYS", "FUSIONLOG_METRICS_PORT",
    "FUSIONLOG_METRICS_HOST", "FUSIONLOG_SECRETS_DIR", "FUSIONLOG_LOG_LEVEL", "FUSIONLOG_LOG_FORMAT",
})  # fmt: skip
"""Settings with a value of the chart's own."""


@dataclass(frozen=True)
class Value:
    """A value with what its comment states of it."""

    path: tuple[str, ...]
    node: yaml.Node
    text: str
    schema: Schema
    define: str | None

    @property
    def default(self) -> Any:
        """The value itself."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self.node)
        finally:
            loader.dispose()

    @property
    def children(self) -> Sequence[tuple[str, yaml.Node, int]]:
        """Name, value and line of each entry, where the entries are values of their own."""
        if not isinstance(self.node, yaml.MappingNode):
            return ()
        return [(key.value, value, key.start_mark.line) for key, value in self.node.value]


def read_values(text: str) -> Value:
    """The tree of values.

    :raises ValueError: a value without a description.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert node is not None
    return Value((), node, "", {}, None)


def entries(parent: Value, lines: Sequence[str]) -> Iterator[Value]:
    """The values below one."""
    for name, node, line in parent.children:
        yield _with_comment(replace(parent, path=(*parent.path, name), node=node), lines, line)


def _with_comment(value: Value, lines: Sequence[str], line: int) -> Value:
    """A value with the comment that stands right above it."""
    first = line
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    comments = [each.strip().removeprefix("#").strip() for each in lines[first:line]]
    text = " ".join(each.removeprefix("--").strip() for each in comments if each.startswith("--"))
    stated = [yaml.safe_load(each.removeprefix("@schema")) for each in comments if each.startswith("@schema")]
    schema: Schema = stated[0] if stated else {}
    define = next((each.split()[1] for each in comments if each.startswith("@def")), None)
    return replace(value, text=text, schema=schema, define=define)


def schema_of(value: Value, lines: Sequence[str], definitions: dict[str, Schema]) -> Schema:
    """The schema of a value and of those below it; those that are defined once go to `definitions`."""
    if "$ref" in value.schema:
        return {"description": value.text, **value.schema}
    if value.text or not value.children:
        _require_text(value)
        return {"description": value.text, **_typed(value)}
    properties = {each.path[-1]: schema_of(each, lines, definitions) for each in entries(value, lines)}
    found = {"type": "object", "additionalProperties": False, "properties": properties}
    if value.define is None:
        return found
    definitions[value.define] = found
    return {"$ref": f"#/$defs/{value.define}"}


def _require_text(value: Value) -> None:
    if not value.text:
        raise ValueError(f"values.yaml: {'.'.join(value.path)} has no description: write one above it, after '# --'")


def _typed(value: Value) -> Schema:
    """What a comment states of a value, and its type where it states none."""
    default = value.default
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    kind = "number" if isinstance(value.schema.get("maximum"), int) and isinstance(default, float) else None
    stated = {"type": kind or kinds[type(default)]} if "type" not in value.schema else {}
    return {**stated, **value.schema}


def settings_schema() -> Schema:
    """The variables that `settings` may hold: all but secrets and those that the chart sets by values of its own."""
    full = Settings.model_json_schema(mode="validation")
    secret = set(file_settings(Settings))
    names = {place: variable(place) for place, _ in fields_of(Settings)}
    kept = {name: place for place, name in names.items() if name not in secret | SET_BY_THE_CHART}
    properties = {name: _setting(full, place) for name, place in sorted(kept.items())}
    files = {f"{name}_FILE": {"type": "string", "pattern": "^/"} for name in sorted(secret)}
    return {"type": "object", "additionalProperties": False, "properties": properties | files}


def _setting(full: Schema, place: Sequence[str]) -> Schema:
    """The schema of a setting, with its bounds; a number may be written as text, as in the environment."""
    schema: Schema = full
    for name in place:
        schema = schema["properties"][name]
        if "$ref" in schema and name != place[-1]:
            schema = full["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    found: Schema = _plain(schema)
    return found


def _plain(schema: Any) -> Any:
    """A schema without pydantic's titles, defaults and nulls."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("title", "default", "format", "from_file")}
    if "anyOf" in kept:
        options = [each for each in kept.pop("anyOf") if each != {"type": "null"}]
        kept |= options[0] if len(options) == 1 else {"anyOf": options}
    return {
        key: {name: _plain(each) for name, each in value.items()} if key == "properties" else _plain(value)
        for key, value in kept.items() if key not in ("title", "default", "format")
    }  # fmt: skip


def systems_schema() -> tuple[Schema, dict[str, Schema]]:
    """The schema of the systems file, and its definitions."""
    full = SystemSettings.model_json_schema(mode="validation")
    definitions = {name: _plain(each) for name, each in full.pop("$defs", {}).items()}
    entry = _plain(full) | {"type": ["object", "null"]}
    names = {"pattern": "^[a-zA-Z0-9._-]{1,200}$", "not": {"const": CANARY}}
    return {"type": "object", "propertyNames": names, "additionalProperties": entry}, definitions


def targets_schema() -> Schema:
    """The schema of the notifications file."""
    entry = _plain(TargetSettings.model_json_schema(mode="validation"))
    names = {"pattern": f"^{TARGET_NAME.pattern}$"}
    return {"type": "object", "propertyNames": names, "additionalProperties": entry}


def values_schema(text: str) -> Schema:
    """The schema of values.yaml."""
    lines = text.splitlines()
    systems, definitions = systems_schema()
    found: dict[str, Schema] = {
        **definitions,
        "systems": systems,
        "targets": targets_schema(),
        "settings": settings_schema(),
        "resources": RESOURCES,
        "byRole": {"type": "object", "additionalProperties": False,
                   "properties": {role: {"type": "string"} for role in ROLES}},
        "rayGroup": RAY_GROUP,
    }  # fmt: skip
    root = schema_of(read_values(text), lines, found)
    root["properties"]["global"] = {"type": "object", "description": "Values of a parent chart."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart fusionlog",
        **root,
        "$defs": found,
    }


_QUANTITIES = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
RESOURCES: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"requests": _QUANTITIES, "limits": _QUANTITIES, "claims": {"type": "array"}},
}
_COUNT = {"type": "integer", "minimum": 0}
RAY_GROUP: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "replicas", "minReplicas", "maxReplicas", "gpuCount", "resources"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$"},
        "replicas": _COUNT,
        "minReplicas": _COUNT,
        "maxReplicas": _COUNT | {"minimum": 1},
        "gpuCount": _COUNT,
        "gpuResourceName": {"type": "string", "minLength": 1},
        "resources": {"$ref": "#/$defs/resources"},
        "tmpSizeLimit": {"type": "string", "minLength": 1},
        "nodeSelector": {"type": "object", "additionalProperties": {"type": "string"}},
        "tolerations": {"type": "array", "items": {"type": "object"}},
    },
}


def topics() -> Sequence[Mapping[str, Any]]:
    """Every topic: the pattern of its name, its partitions where they do not follow `kafka.partitions`, its config."""
    shared = Topics().partitions
    return [
        {"name": topic.name, "config": topic.config(),
         **({} if topic.partitions == shared else {"partitions": topic.partitions})}
        for topic in PATTERNS.all()
    ]  # fmt: skip


def acls() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The permissions of each role and group of people, in Strimzi's words."""
    return {
        who: [
            {"resource": grant.resource, "name": grant.name, "operations": list(grant.operations),
             "patternType": "prefix" if grant.pattern == "prefixed" else "literal"}
            for grant in grants(PATTERNS, who)
        ]
        for who in EVERYONE
    }  # fmt: skip


def rows(value: Value, lines: Sequence[str]) -> Iterator[str]:
    """The rows of the README's table."""
    for each in entries(value, lines):
        if each.text:
            default = json.dumps(each.default, ensure_ascii=False).replace("|", "\\|")
            yield f"| `{'.'.join(each.path)}` | `{default}` | {each.text.replace('|', chr(92) + '|')} |"
        else:
            yield from rows(each, lines)


def readme(text: str, template: str) -> str:
    """The README: its text, with the table of values."""
    lines = text.splitlines()
    table = ["| value | default | what it is |", "| --- | --- | --- |", *rows(read_values(text), lines)]
    return template.replace("{{ values }}", "\n".join(table))


def documents() -> dict[str, str]:
    """The text of every generated file, by its path in the chart."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    note = "# Generated from the code by `make chart-pages`; change the code, not this file.\n"
    return {
        "values.schema.json": json.dumps(values_schema(text), indent=2, ensure_ascii=False) + "\n",
        "README.md": readme(text, (CHART / "README.md.in").read_text(encoding="utf-8")),
        "files/topics.yaml": note + yaml.safe_dump(list(topics()), sort_keys=False, width=120),
        "files/acls.yaml": note + yaml.safe_dump(dict(acls()), sort_keys=False, width=120),
    }


def main() -> None:
    """Write them."""
    for name, document in documents().items():
        (CHART / name).write_text(re.sub(r"[ \t]+\n", "\n", document), encoding="utf-8")


if __name__ == "__main__":
    main()
