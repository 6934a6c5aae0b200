"""Any model, profile, vectors and file of a release are used, or refused by one sentence."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import msgspec
import numpy as np
import onnx
import pytest
from hypothesis import given

from fusionlog import releases
from fusionlog.detector.model_trial import OPERATORS, made_up
from fusionlog.detector.onnx_session import Detector
from fusionlog.detector.trial_process import TrialProcess
from fusionlog.errors import ModelError
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import ModelRelease
from fusionlog.teachers.unusual import unusual_by
from tests.detector.graphs import make_onnx
from tests.factories import make_release, make_window
from tests.fuzz import mutation
from tests.fuzz.invariants import assert_sentence
from tests.fuzz.mutation import bytes_changed
from tests.fuzz.trials import RANDOMS, RECORDS, scratch, seeded, try_many

DIM = 8
WINDOW = make_window("disk failed", "disk opened")
MODELS = 2_000
"""Models that `make check-long` tries in the child process: each takes some hundredths of a second."""


@cache
def packed_profile() -> bytes:
    """A profile that is not compressed yet."""
    profile = SystemProfile()
    for number in range(30):
        profile.update(make_window("disk opened", *["disk full"] * (number % 3), session=str(number)))
    return zlib.decompress(profile.pack())


def try_profile(random: Random) -> None:
    """The profile of a release: begun with by a score worker, or refused."""
    data = _packed(random)
    try:
        profile = SystemProfile.unpack(data)
        found = profile.features(WINDOW)
        assert all(np.isfinite(each) for each in (found.surprisal, found.rarity, found.failure))
        unusual_by(WINDOW, profile)
        profile.update(WINDOW)
        own = SystemProfile()
        own.merge(SystemProfile.unpack(data))
        assert SystemProfile.unpack(own.pack()).windows >= 0
    except ModelError as error:
        assert_sentence(error, secret="\x00")
    except BaseException as error:
        error.add_note(repr(data[:100]) + repr(zlib.decompress(data)[:3_000]))
        raise


def _packed(random: Random) -> bytes:
    tree = msgspec.msgpack.decode(packed_profile())
    for _ in range(random.randint(0, 3)):
        tree = mutation.changed(random, tree)
    try:
        data = zlib.compress(msgspec.msgpack.encode(tree))
    except (OverflowError, RecursionError, ValueError):
        data = zlib.compress(b"\xc1" * 50)
    return bytes_changed(random, data) if random.random() < 0.1 else data


VECTORS = tuple(
    releases.pack_vectors(each) for each in (np.eye(2, DIM, dtype=np.float32), np.zeros((0, DIM), dtype=np.float32))
)


def try_vectors(random: Random) -> None:
    """The vectors of a release: finite float32 rows, or refused."""
    data = random.choice(VECTORS)
    for _ in range(random.choice((1, 1, 2, 3))):
        data = _npy_changed(random, data) if random.random() < 0.5 else bytes_changed(random, data)
    try:
        found = releases.unpack_vectors(data)
        assert found.dtype == np.float32 and found.ndim == 2 and np.isfinite(found).all() and found.nbytes <= len(data)
    except ModelError as error:
        assert_sentence(error, secret="\x00")
    except BaseException as error:
        error.add_note(repr(data[:3_000]))
        raise


def _npy_changed(random: Random, data: bytes) -> bytes:
    old = random.choice((b"<f4", b"(2, 8)", b"False", b"'descr'", b"shape", b"\x01\x00", b"{", b"}"))
    new = random.choice(
        (
            b"<f8",
            b">f4",
            b"|O",
            b"<U9",
            b"(2**40, 8)",
            b"(99999999999, 8)",
            b"(16,)",
            b"()",
            b"True",
            b"None",
            b"(-1, 8)",
            b"\x03\x00",
            b"(" * 90,
            b"__import__('os')",
            b"[('a', '<f4')]",
            b"x",
        )
    )
    return data.replace(old, new, 1)


@cache
def release_file() -> bytes:
    release = make_release(("disk failed", 0.9), onnx=make_onnx(1.0), vectors=VECTORS[0][:0])
    return releases.release_bytes(releases.sign(release, None))


def try_file(random: Random) -> None:
    """A file of a release: whole, or refused."""
    data = gzip.decompress(release_file())
    data = mutation.mutated(random, data) if random.random() < 0.7 else data
    data = gzip.compress(data, mtime=0) if random.random() < 0.5 else data
    data = bytes_changed(random, data) if random.random() < 0.4 else data
    path = scratch() / "release.json.gz"
    path.write_bytes(data)
    try:
        assert isinstance(releases.read_release(path), ModelRelease)
    except ModelError as error:
        assert_sentence(error, secret="\x00")
    except BaseException as error:
        error.add_note(repr(data[:3_000]))
        raise


def model(random: Random) -> bytes:
    """A mutated model: its graph, its weights, or its bytes."""
    made = onnx.load_model_from_string(
        make_onnx(random.choice((1.0, 0.5, 1e30, float("nan"), -1.0)), component=random.choice((0, 0, 7, 8, -1)))
    )
    graph = made.graph
    for _ in range(random.randint(0, 2)):
        node = random.choice(graph.node)
        what = random.randint(0, 6)
        if what == 0:
            node.op_type = random.choice((*sorted(OPERATORS), "Loop", "If", "Scan", "Custom", ""))
        elif what == 1:
            node.domain = random.choice(("", "ai.onnx.ml", "com.microsoft", "x"))
        elif what == 2 and node.input:
            node.input[random.randrange(len(node.input))] = random.choice(
                ("events", "counts", "scale", "window", "none", "")
            )
        elif what == 3:
            graph.node.add().CopyFrom(node)
        elif what == 4:
            tensor = random.choice(graph.initializer)
            tensor.dims[:] = [random.choice((0, 1, 3, 2**40, -1))]
        elif what == 5:
            shape = random.choice(graph.output).type.tensor_type
            shape.elem_type = random.choice((1, 2, 7, 8, 11, 99))
        else:
            made.opset_import[0].version = random.choice((0, 1, 9, 13, 17, 21, 999, -1))
    data: bytes = made.SerializeToString()
    return bytes_changed(random, data) if random.random() < 0.3 else data


@pytest.fixture(scope="module")
def trials() -> Iterator[TrialProcess]:
    process = TrialProcess()
    yield process
    process.close()


def try_model(random: Random, trials: TrialProcess) -> None:
    """A model that passes its trial gives probabilities; any other is refused."""
    data = model(random)
    release = make_release(("disk failed", 0.9), onnx=data, vectors=VECTORS[0], detector=random.choice(("set", "gru")))
    try:
        trials.check(release)
    except ModelError as error:
        assert_sentence(error, secret="\x00")
        return
    except BaseException as error:
        error.add_note(repr(data[:3_000]))
        raise
    for values in Detector(data, "cpu", 1).score(made_up(DIM)):
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1


TRIALS: tuple[Callable[[Random], None], ...] = (try_profile, try_vectors, try_file)


@pytest.mark.parametrize("trial", TRIALS)
@seeded(400)
@given(random=RANDOMS)
def test_a_part_of_a_release_is_used_or_refused(trial: Callable[[Random], None], random: Random) -> None:
    trial(random)


@seeded(80)
@given(random=RANDOMS)
def test_a_model_gives_probabilities_or_is_refused(random: Random, trials: TrialProcess) -> None:
    try_model(random, trials)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS)
def test_a_hundred_thousand_parts_are_used_or_refused(trial: Callable[[Random], None]) -> None:
    try_many(trial.__name__, trial, RECORDS)


@pytest.mark.long
def test_two_thousand_models_give_probabilities_or_are_refused(trials: TrialProcess) -> None:
    try_many("models", lambda random: try_model(random, trials), MODELS)
