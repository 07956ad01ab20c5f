"""What every server runs: imported by each of them in its own environment, so it needs nothing but numpy and ONNX."""
