from fusionlog.parsing.components import MAX_CHARS, MAX_COMPONENTS, Components
from fusionlog.parsing.masks import Masks


def make_components() -> Components:
    return Components(Masks({}).mask)


def test_a_component_is_masked() -> None:
    assert make_components().of("worker-17") == "worker-<NUM>"


def test_one_too_many_is_a_wildcard_and_the_known_ones_stay() -> None:
    components = make_components()
    for number in range(MAX_COMPONENTS):
        assert components.of(f"c{number}") == f"c{number}"
    assert components.of("late") == "<*>"
    assert components.of("c0") == "c0"


def test_names_that_are_masked_alike_are_one_component() -> None:
    components = make_components()
    for number in range(5 * MAX_COMPONENTS):
        components.of(f"worker-{number}")
    assert components.of("db") == "db"


def test_an_overlong_name_is_a_wildcard() -> None:
    assert make_components().of("x" * (MAX_CHARS + 1)) == "<*>"
