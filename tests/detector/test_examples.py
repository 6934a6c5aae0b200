import numpy as np
import pytest

from fusionlog.detector.examples import Example, balanced


def make_example(probability=0.0, weight=1.0):
    one = np.ones((1, 2), dtype=np.float32)
    return Example(one, one[0, :1], probability, np.array([probability], dtype=np.float32), weight)


def test_weights_sum_to_the_mass_and_frequent_windows_do_not_drown_the_rest():
    rare, routine = balanced([make_example(weight=1), make_example(weight=10_000)], mass=0.25)
    assert rare.weight + routine.weight == pytest.approx(0.25)
    assert 5 < routine.weight / rare.weight < 20


def test_a_class_counts_by_the_square_root_of_its_mass():
    examples = balanced([make_example(0.0) for _ in range(99)] + [make_example(1.0)])
    assert examples[-1].weight == pytest.approx(1 / (1 + np.sqrt(99)))


def test_one_class_alone_and_none_at_all():
    assert sum(example.weight for example in balanced([make_example(0.9), make_example(0.8)])) == pytest.approx(1)
    assert balanced([]) == []
