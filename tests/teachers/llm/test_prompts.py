from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.teachers.llm.dialect import ResponseFormats
from fusionlog.teachers.llm.prompts import messages, numbered, response_formats
from tests.teachers.factories import make_unit


@given(st.text())
def test_whatever_a_line_holds_it_stays_one_value_of_the_array_at_the_end(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    system, user = messages([make_unit(text)])
    head, _, array = user["content"].partition("\n")
    (unit,) = json.loads(array)
    assert unit == {"system": "shop", "task": "label", "events": [{"id": 1, "text": text, "count": 1}]}
    assert (
        system == messages([make_unit("other")])[0]
        and head == messages([make_unit("other")])[1]["content"].split("\n")[0]
    )


def test_values_are_keys_of_their_event_and_the_task_explains_them() -> None:
    unit = make_unit("mail sent, delay=3.9", "removed")
    slow = replace(unit, events=(replace(unit.events[0], duration=3.9, quantities={"size": 12}), unit.events[1]))
    system, user = messages([slow])
    (sent,) = json.loads(user["content"].partition("\n")[2])
    assert sent["events"] == [
        {"id": 1, "text": "mail sent, delay=3.9", "count": 1, "duration": 3.9, "quantities": {"size": 12}},
        {"id": 2, "text": "removed", "count": 1},
    ]
    assert '"duration"' in system["content"] and '"duration"' not in messages([unit])[0]["content"]


def test_braces_in_a_policy_are_only_text() -> None:
    assert "alert on {x} {{y}}" in messages([make_unit(policy="alert on {x} {{y}}")])[0]["content"]


def test_ids_are_unique_over_a_call() -> None:
    units = numbered([make_unit("a", "b"), make_unit("c"), make_unit("d", "e")])
    assert [[event.id for event in unit.events] for unit in units] == [[1, 2], [3], [4, 5]]


def closed_objects(formats: ResponseFormats) -> list[dict[str, Any]]:
    """The objects of the strictest format's schema; each is closed and requires all that it names."""
    strict = formats[0].fields["response_format"]
    objects, found = [strict["json_schema"]["schema"]], []
    while objects:
        node = objects.pop()
        assert node["additionalProperties"] is False and node["required"] == list(node["properties"])
        found.append(node)
        items = [child["items"] for child in node["properties"].values() if child["type"] == "array"]
        objects += [item for item in items if item["type"] == "object"]
    return found


def test_every_object_of_the_schema_is_closed_and_requires_all_it_names() -> None:
    assert len(closed_objects(response_formats())) == 3
