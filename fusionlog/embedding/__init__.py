"""Event texts as unit vectors: the encoder, its export to ONNX, and where its model comes from."""
