"""The small model: its input, its networks, its training, its export, and its ONNX session."""
