"""Templates: filled in with fields, checked before they are used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.errors import SettingError
from fusionlog.incidents.notifications.due import Due
from fusionlog.incidents.notifications.fields import FIELDS, check, fields_of
from fusionlog.incidents.notifications.messages import request_of
from fusionlog.incidents.notifications.sample import sample
from tests.incidents.notifications.factories import NOW, make_incident, make_target

ONE = make_incident(title='quote " back\\slash\ttab é')


def test_the_fields_are_those_that_are_documented() -> None:
    assert fields_of(Due(ONE, "opened", None), make_target()).keys() == FIELDS


def test_a_template_is_the_text_of_slack_and_the_description_of_an_alert() -> None:
    for type in ("slack", "alertmanager"):
        target = make_target(type, template="<!here> $$5: $severity ${change} of $system")
        body = request_of([Due(ONE, "opened", None)], target, NOW).body.decode()
        assert "<!here> $5: error opened of shop" in body


def test_a_template_is_the_json_of_a_webhook_whatever_the_fields_hold() -> None:
    target = make_target("webhook", template='{"text": "$severity: $title", "n": $anomalies, "lines": "$lines"}')
    check(target, sample(target, NOW))
    found = json.loads(request_of([Due(ONE, "opened", None)], target, NOW).body)
    assert found["text"] == 'error: quote " back\\slash tab é' and found["n"] == 1


@pytest.mark.parametrize(
    ("type", "fields", "problem"),
    [
        ("slack", {"template": "$titel"}, r"oncall.template is '\$titel': there is no such field; there are anomalies"),
        ("slack", {"template": "costs $5"}, r"a \$ that begins no field is written \$\$"),
        ("slack", {"template": "${title.__class__}"}, r"a \$ that begins no field"),
        ("webhook", {"template": '{"text": $title}'}, "it is not JSON once its fields are filled in"),
        ("slack", {"link": "console/$id"}, "must be like https://host/incidents/"),
        ("slack", {"link": "https://console/$link"}, "no such field"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(type: str, fields: dict[str, Any], problem: str) -> None:
    target = make_target(type, **fields)
    with pytest.raises(SettingError, match=problem):
        check(target, sample(target, NOW))


def test_a_name_in_a_link_cannot_change_where_it_leads() -> None:
    target = make_target(link="https://console/$system?q=$title")
    found = fields_of(Due(replace(ONE, systems=["a/../b"], title="x&y=<z>"), "opened", None), target)
    assert found["link"] == "https://console/a%2F..%2Fb?q=x%26y%3D%3Cz%3E"


def test_what_reverses_a_text_or_breaks_its_line_is_left_out() -> None:
    odd = replace(ONE, title="disk\u202e deliaf\r\nERROR opened: all")
    found = fields_of(Due(odd, "opened", None), make_target())
    assert found["title"] == "disk deliaf ERROR opened: all"


def test_a_link_is_checked_before_a_template_is_filled_in_with_it() -> None:
    target = make_target("webhook", link="https://c/$link", template='["$link"]')
    with pytest.raises(SettingError, match="there is no such field"):
        check(target, sample(target, NOW))
