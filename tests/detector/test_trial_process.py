"""Models are tried in a process of their own before they are used."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fusionlog import releases
from fusionlog.bundled.base import read_base
from fusionlog.detector.export import to_onnx
from fusionlog.detector.gru import GruNetwork
from fusionlog.detector.set_network import SetNetwork
from fusionlog.detector.trial_process import TrialProcess
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from tests.detector.graphs import make_onnx
from tests.factories import make_release

DIM = 8
VECTORS = releases.pack_vectors(np.eye(1, DIM, dtype=np.float32))


@pytest.fixture(scope="module")
def trials() -> Iterator[TrialProcess]:
    process = TrialProcess()
    yield process
    process.close()


def release(data: bytes, **fields: object) -> ModelRelease:
    return make_release(("disk failed", 0.9), onnx=data, vectors=VECTORS, **fields)


def graph(
    *nodes: onnx.NodeProto, outputs: tuple[str, str] = ("window", "event"), domains: tuple[str, ...] = ("",)
) -> bytes:
    """A model with these nodes on `events` and `counts`, whose outputs have no declared shape."""
    kind = TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    starts = [
        helper.make_tensor_value_info("events", kind, ["batch", "places", "dim"]),
        helper.make_tensor_value_info("counts", kind, ["batch", "places"]),
    ]
    imports = [helper.make_opsetid(domain, 17) for domain in domains]
    made = helper.make_model(helper.make_graph(nodes, "g", starts, ends), opset_imports=imports, ir_version=8)
    data: bytes = made.SerializeToString()
    return data


def constant(name: str, *values: float) -> onnx.NodeProto:
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
    return helper.make_node("Constant", [], [name], value=tensor)


def endless() -> bytes:
    """A model that adds without end: a loop of 2^62 steps."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["goes"]), helper.make_node("Add", ["sum", "sum"], ["sums"])], "body",
        [value("step", TensorProto.INT64, []), value("going", TensorProto.BOOL, []),
         value("sum", TensorProto.FLOAT, [1])],
        [value("goes", TensorProto.BOOL, []), value("sums", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    steps = helper.make_node("Constant", [], ["steps"], value=helper.make_tensor("s", TensorProto.INT64, [], [2**62]))
    return graph(constant("zero", 0.0), steps, helper.make_node("Loop", ["steps", "", "zero"], ["window"], body=body),
                 helper.make_node("Identity", ["counts"], ["event"]))  # fmt: skip


def test_the_models_of_this_project_pass(trials: TrialProcess) -> None:
    trials.check(release(to_onnx(SetNetwork(DIM, 4).eval(), DIM)))
    trials.check(release(to_onnx(GruNetwork(DIM, 4).eval(), DIM), detector="gru"))
    trials.check(read_base())


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "do not load"), (b"x" * 999, "no ONNX model"),
        (make_onnx(float("nan")), "score of a window is no number"), (make_onnx(1e30), "no probability"),
        (endless(), "operators that a small model does not need: Loop"),
        (graph(helper.make_node("Own", ["events"], ["window"], domain="own"), domains=("", "own")), "another domain"),
        (graph(constant("window", 0.5), helper.make_node("Identity", ["counts"], ["event"])), "shape"),
        (graph(helper.make_node("ReduceMax", ["counts"], ["window"], axes=[1], keepdims=0),
               helper.make_node("Identity", ["counts"], ["event"])), "no probability"),
        (make_onnx(inputs=("ids", "counts")), "has inputs"),
    ],
    ids=["empty", "garbage", "nan", "huge", "loop", "domain", "scalar", "counts", "inputs"],
)  # fmt: skip
def test_a_model_that_would_harm_is_refused(trials: TrialProcess, data: bytes, problem: str) -> None:
    with pytest.raises(ModelError, match=rf"failed its trial: (.|\n)*({problem})"):
        trials.check(release(data))


def test_a_network_that_sees_the_order_is_no_set(trials: TrialProcess) -> None:
    with pytest.raises(ModelError, match="a set network does not see"):
        trials.check(release(to_onnx(GruNetwork(DIM, 4).eval(), DIM), detector="set"))


def test_a_model_that_takes_all_memory_is_refused_and_the_next_one_is_tried(trials: TrialProcess) -> None:
    shape = helper.make_node(
        "Constant", [], ["shape"], value=helper.make_tensor("s", TensorProto.INT64, [1], [3_000_000_000])
    )
    nodes = [shape, helper.make_node("ConstantOfShape", ["shape"], ["window"]),
             helper.make_node("Identity", ["counts"], ["event"])]  # fmt: skip
    with pytest.raises(ModelError, match="failed its trial"):
        trials.check(release(graph(*nodes)))
    trials.check(release(to_onnx(SetNetwork(DIM, 4).eval(), DIM)))


def test_a_model_that_takes_too_long_is_refused() -> None:
    process = TrialProcess(seconds=0.0)
    with pytest.raises(ModelError, match="or longer than 0 s"):
        process.check(release(make_onnx()))
    process.close()


def test_a_trial_may_take_so_much_of_a_core_however_long_it_waits_for_one() -> None:
    endless = (
        "from fusionlog.detector import model_trial as trial\n"
        "trial.CPU_SECONDS = 1\ntrial._limit_seconds()\nwhile True: pass"
    )
    assert subprocess.run([sys.executable, "-c", endless]).returncode == -signal.SIGXCPU
