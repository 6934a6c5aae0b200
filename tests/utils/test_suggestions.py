"""What is suggested in place of a name that does not exist."""

from __future__ import annotations

import pytest

from fusionlog.utils.suggestions import MOST_NAMES, nearest, suggestion

KNOWN = ("openstack", "orders", "nginx")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("opnstack", "openstack"),
        ("OpenStack", "openstack"),
        ("order", "orders"),
        ("ngnix", "nginx"),
        ("open-stack", "openstack"),
        ("hdfs", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_found_whatever_its_case(name: str, found: str | None) -> None:
    assert nearest(name, KNOWN) == found


def test_the_case_of_a_known_name_is_kept() -> None:
    assert nearest("payments", ["Payments"]) == "Payments"


def test_without_a_similar_name_the_known_ones_are_listed() -> None:
    assert suggestion("opnstack", KNOWN) == "did you mean openstack?"
    assert suggestion("hdfs", KNOWN) == "there are nginx, openstack, orders"
    assert suggestion("hdfs", []) == "there are none"
    many = suggestion("hdfs", [f"x{number:03}" for number in range(MOST_NAMES + 5)])
    assert many.endswith(" and 5 more")
