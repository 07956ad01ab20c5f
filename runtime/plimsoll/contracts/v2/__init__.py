"""The Open Inference Protocol, version 2 of KServe's, over HTTP: tensors in JSON or as bytes behind it."""
