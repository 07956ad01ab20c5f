"""Trains a small digits classifier, exports it to ONNX and writes requests made of digits it has not seen.

python entry_scripts/onnx/make_model.py OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from making import make, trained_digits, write_requests


def build(out: Path) -> list[str]:
    import numpy as np
    from skl2onnx import to_onnx

    model, digits, labels = trained_digits()
    # Without zipmap the probabilities are one tensor, not a list of dictionaries.
    exported = to_onnx(model, digits[:1].astype(np.float32), options={"zipmap": False})
    (out / "model" / "digits.onnx").write_bytes(exported.SerializeToString())
    return ["model/digits.onnx", *write_requests(out, digits, labels)]


if __name__ == "__main__":
    make(__file__, ["scikit-learn", "skl2onnx", "onnx"], build)
