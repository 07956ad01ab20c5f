"""Names of content types, as scripts import them from SageMaker's toolkit."""

from __future__ import annotations

JSON = "application/json"
CSV = "text/csv"
OCTET_STREAM = "application/octet-stream"
ANY = "*/*"
NPY = "application/x-npy"
NPZ = "application/x-npz"
UTF8_TYPES = [JSON, CSV]
"""Bodies that input_fn() gets as text; of any other type it gets bytes."""
