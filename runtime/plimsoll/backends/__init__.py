"""Models loaded with the threads and the device that this worker should use: ``plimsoll.backends.onnx.load(path)``."""
