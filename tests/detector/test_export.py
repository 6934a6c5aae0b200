import numpy as np
import onnxruntime
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionlog.detector.export import Probabilities, to_onnx
from fusionlog.detector.set_network import SetNetwork

DIM = 7


def make_pair():
    torch.manual_seed(5)
    network = SetNetwork(DIM, 8).eval()
    return Probabilities(network), onnxruntime.InferenceSession(
        to_onnx(network, DIM), providers=["CPUExecutionProvider"]
    )


TORCH, ONNX = make_pair()


@settings(max_examples=40, deadline=None)
@given(batch=st.integers(1, 9), events=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_equals_torch_for_any_batch(batch, events, seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(batch, events, DIM)).astype(np.float32)
    counts = random.integers(0, 50, size=(batch, events)).astype(np.float32)
    window, event = ONNX.run(["window", "event"], {"events": vectors, "counts": counts})
    with torch.no_grad():
        expected, expected_event = TORCH(torch.from_numpy(vectors), torch.from_numpy(counts))
    assert window.shape == (batch,) and event.shape == (batch, events)
    np.testing.assert_allclose(window, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(event, expected_event.numpy(), atol=1e-4)
    assert (event[counts == 0] == 0).all()


def test_interface():
    assert {value.name: value.shape for value in ONNX.get_inputs()} == {
        "events": ["batch", "places", DIM],
        "counts": ["batch", "places"],
    }
    assert [value.name for value in ONNX.get_outputs()] == ["window", "event"]
