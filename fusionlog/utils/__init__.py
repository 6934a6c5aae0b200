"""Small helpers that know nothing of logs or models: files, processes, caches, JSON, ONNX sessions."""
