import json

import jsonschema
import msgspec
import pytest

from fusionlog import schemas
from fusionlog.incidents import group
from fusionlog.records import Anomaly, Explanation, Feedback, Incident, Record
from fusionlog.topics import Topics
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly, make_label, make_window


@pytest.mark.parametrize(
    "record",
    [
        make_window(),
        make_label(make_window()),
        make_anomaly(),
        make_explanation(make_anomaly()),
        *group([make_anomaly()]),
    ],
    ids=lambda r: type(r).__name__,
)
def test_a_record_as_written_is_valid_under_its_schema(record: Record) -> None:
    schema = schemas.json_schema(type(record))
    jsonschema.validate(json.loads(msgspec.json.encode(record)), schema)


def test_a_probability_above_one_is_not_valid() -> None:
    label = json.loads(msgspec.json.encode(make_label(make_window())))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**label, "probability": 1.5}, schemas.json_schema(type(make_label(make_window()))))


PARTS = [
    (record, part)
    for record in (Anomaly, Explanation, Incident, Feedback)
    for part in schemas.json_schema(record)["$defs"]
]


@pytest.mark.parametrize(("record", "part"), PARTS)
def test_each_field_of_what_users_read_and_write_has_a_description_and_a_valid_example(
    record: type[Record], part: str
) -> None:
    schema = schemas.json_schema(record)
    for name, field in schema["$defs"][part]["properties"].items():
        assert field.get("description", "").endswith(".") and field.get("examples"), f"{part}.{name}"
        for example in field["examples"]:
            jsonschema.validate(example, {**field, "$defs": schema["$defs"]})


@pytest.mark.parametrize("record", [Anomaly, Explanation, Incident, Feedback])
def test_the_examples_of_a_records_fields_are_a_record(record: type[Record]) -> None:
    fields = schemas.json_schema(record)["$defs"][record.__name__]["properties"]
    example = {name: field["examples"][0] for name, field in fields.items()}
    assert isinstance(msgspec.convert(example, record), record)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = schemas.asyncapi(Topics(), "1")
    references = [value for value in _strings(document) if value.startswith("#/")]
    assert references
    for reference in references:
        node = document
        for part in reference[2:].split("/"):
            node = node[part]


def test_every_topic_of_its_own_is_a_channel() -> None:
    topics = Topics(prefix="x.")
    addresses = {channel["address"] for channel in schemas.asyncapi(topics, "1")["channels"].values()}
    assert addresses == {"logs.raw.{system}", "x.keyed.{system}", *(topic.name for topic in topics.own())}


def _strings(node: object) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in _strings(value)]
    if isinstance(node, list):
        return [text for value in node for text in _strings(value)]
    return [node] if isinstance(node, str) else []
