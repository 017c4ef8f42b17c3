"""Engines: what runs a network. ONNX Runtime on a CPU by default, torch on a GPU and on request."""
