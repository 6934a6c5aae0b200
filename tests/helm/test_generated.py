"""What is generated of the chart is that of its values and of the code; every value has a description and a bound."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from helm.generate import CHART, documents, read_values, schema_of, values_schema
from tests.helm.chart import EXAMPLES, example

VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")
DOCUMENTS = documents()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_file_is_current(name: str) -> None:
    assert (CHART / name).read_text(encoding="utf-8") == DOCUMENTS[name], "run  make chart-pages"


def test_a_value_without_a_description_is_refused() -> None:
    text = "# -- one\none: 1\ntwo: 2\n"
    with pytest.raises(ValueError, match="two has no description"):
        schema_of(read_values(text), text.splitlines(), {})


def test_the_schema_is_one_and_closed() -> None:
    schema = values_schema(VALUES)
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_every_value_of_an_example_is_one_of_the_chart(path: Any) -> None:
    jsonschema.Draft7Validator(values_schema(VALUES)).validate(example(path.stem))


def test_the_default_values_meet_the_schema() -> None:
    jsonschema.Draft7Validator(values_schema(VALUES)).validate(yaml.safe_load(VALUES))
