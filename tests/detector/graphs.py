"""Tiny ONNX models whose answers a test can work out by hand."""

from __future__ import annotations

from onnx import TensorProto, helper


def make_onnx(
    scale: float = 1.0, inputs: tuple[str, str] = ("events", "counts"), component: int = 0, other: int | None = None
) -> bytes:
    """An event's probability is a component of its vector, or the greater one of two, times `scale`, 0 at least; a
    window's is that of its worst event."""
    events, counts = inputs
    nodes = [
        helper.make_node("Gather", [events, "which"], ["components"], axis=2),
        helper.make_node("ReduceMax", ["components"], ["component"], axes=[2], keepdims=0),
        helper.make_node("Relu", ["component"], ["column"]),
        helper.make_node("Mul", ["column", "scale"], ["scaled"]),
        helper.make_node("Min", [counts, "one"], ["mask"]),
        helper.make_node("Mul", ["scaled", "mask"], ["event"]),
        helper.make_node("ReduceMax", ["event"], ["window"], axes=[1], keepdims=0),
    ]
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "worst-event",
        [
            helper.make_tensor_value_info(events, kind, ["batch", "events", "dim"]),
            helper.make_tensor_value_info(counts, kind, ["batch", "events"]),
        ],
        [
            helper.make_tensor_value_info("window", kind, ["batch"]),
            helper.make_tensor_value_info("event", kind, ["batch", "events"]),
        ],
        [
            helper.make_tensor("which", TensorProto.INT64, [2], [component, component if other is None else other]),
            helper.make_tensor("scale", kind, [], [scale]),
            helper.make_tensor("one", kind, [], [1.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()
