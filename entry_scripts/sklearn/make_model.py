"""Trains a small digits classifier, saves it with joblib and writes requests made of digits it has not seen.

python entry_scripts/sklearn/make_model.py OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from making import make, trained_digits, write_requests


def build(out: Path) -> list[str]:
    import joblib

    model, digits, labels = trained_digits()
    joblib.dump(model, out / "model" / "digits.joblib")
    return ["model/digits.joblib", *write_requests(out, digits, labels)]


if __name__ == "__main__":
    make(__file__, ["scikit-learn", "joblib"], build)
