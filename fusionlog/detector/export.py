"""Export of small models to ONNX, the form in which releases carry them. Train side: imports torch."""

from __future__ import annotations

import io
import warnings

import torch
from torch import Tensor, nn

OPSET = 17
INPUTS = ["events", "counts"]
OUTPUTS = ["window", "event"]


class Probabilities(nn.Module):
    """A network whose outputs are probabilities; an event that is padding has 0."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, events: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of windows `[batch]` and of events `[batch, places]`."""
        window, event = self.network(events, counts)
        return torch.sigmoid(window), torch.where(counts > 0, torch.sigmoid(event), 0.0)


def to_onnx(network: nn.Module, dim: int) -> bytes:
    """The network as an ONNX file of any number of windows and events.

    Inputs `events` `[batch, places, dim]` and `counts` `[batch, places]`, float32, count 0 for padding; outputs
    `window` `[batch]` and `event` `[batch, places]`, probabilities.

    The exporter by TorchScript is deprecated, but takes 0.3 s where the one by `torch.export` takes 8 s of a job that
    trains for two; a test holds its result against torch's. A GRU's initial state follows the batch, so what the
    exporter warns of (that other batch sizes may fail) does not hold here; that is tested too.
    """
    axes = {0: "batch", 1: "places"}
    example = (torch.randn(2, 3, dim), torch.tensor([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0]]))
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Exporting a model to ONNX with a batch_size", UserWarning)
        warnings.filterwarnings("ignore", message="Converting a tensor to a Python boolean", module="torch.nn")
        torch.onnx.export(
            Probabilities(network).cpu().eval(), example, file, dynamo=False, opset_version=OPSET,  # type: ignore[arg-type]
            input_names=INPUTS, output_names=OUTPUTS,
            dynamic_axes={"events": axes, "counts": axes, "window": {0: "batch"}, "event": axes},
        )  # fmt: skip
    return file.getvalue()
