"""The chart, rendered by Helm's own library, and checks of what came out of it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

helm = pytest.importorskip("helm_python", reason="Helm's library (helm-python-sdk) is not installed: run  make setup")

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "fusionlog"
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
CRDS = ROOT.parent / "shared" / "crds"
RELEASE, NAMESPACE = "r", "demo"
Object: TypeAlias = dict[str, Any]
Values: TypeAlias = Mapping[str, Any]


def example(name: str) -> Object:
    """The values of an example."""
    return dict(yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text(encoding="utf-8")))


def merged(values: Values, changes: Values) -> Object:
    """Values with changes, mappings merged, as Helm merges values files."""
    found = copy.deepcopy(dict(values))
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = merged(found[name], value) if both else copy.deepcopy(value)
    return found


def render(values: Values, **options: Any) -> list[Object]:
    """The objects of a release, hooks and tests among them."""
    options = {"name": RELEASE, "namespace": NAMESPACE, **options}
    texts = _chart().render(dict(values), **options)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = [each for name, text in texts.items() if name.endswith(".yaml") for each in yaml.load_all(text, loader)]
    return [each for each in found if each]


def refusal(values: Values) -> str:
    """What Helm reports on values that it refuses."""
    with pytest.raises(helm.HelmError) as refused:
        render(values)
    return str(refused.value)


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [each for each in objects if each["kind"] == kind]


def named(objects: Sequence[Object], kind: str, ending: str) -> Object:
    """The object of a kind whose name ends so."""
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"].endswith(ending)]
    return found


def pods(value: Any) -> Iterator[Object]:
    """The specs of pods in an object, those in custom resources among them."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for each in value.values():
            yield from pods(each)
    elif isinstance(value, list):
        for each in value:
            yield from pods(each)


def containers(pod: Object) -> list[Object]:
    """The containers of a pod, those of its start among them."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


@cache
def _chart() -> Any:
    return helm.Chart.load(str(CHART))


@cache
def native_schema(version: str, api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    """A validator of a kind of Kubernetes' own, which has no field that is unknown to it."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    registry = _definitions(version) @ Registry()
    return jsonschema.Draft202012Validator(_file(version, f"{kind.lower()}-{group}"), registry=registry)


@cache
def _definitions(version: str) -> Resource[Any]:
    return Resource.from_contents(_file(version, "_definitions"))


def _file(version: str, name: str) -> Any:
    schemas = pytest.importorskip("kubernetes_validate.utils", reason="it is not installed: run  make setup")
    return schemas.schema_contents(f"kubernetes-json-schema/v{version}-local-strict/{name}.json", version)


@cache
def custom_schemas() -> Mapping[tuple[str, str], jsonschema.Draft202012Validator]:
    """A validator of each custom resource, by apiVersion and kind; a field that it does not have is refused."""
    found = {}
    for path in sorted(CRDS.glob("*.json")):
        spec = json.loads(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = jsonschema.Draft202012Validator(schema)
    return found


def closed(schema: Any) -> Any:
    """A schema whose objects have no other fields than it names, as a strict server has it."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A pattern in Go's own notation, as ^(?i)..., is none that Python reads.
    found = {name: closed(each) for name, each in schema.items() if name != "pattern" or "(?i)" not in str(each)}
    if schema.get("x-kubernetes-int-or-string"):
        found = {"type": ["integer", "string"]}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("properties") and schema.get("type") == "object" and not is_open:
        found["additionalProperties"] = False
    return found
