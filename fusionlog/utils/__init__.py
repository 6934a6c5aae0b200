"""Small helpers independent of logs and models: files, processes, caches, JSON, ONNX sessions."""
