"""Makes the model of this example: train.py FOLDER. In the image, so that the same scikit-learn reads what it wrote."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

iris = load_iris()
model = LogisticRegression(max_iter=1000).fit(iris.data, iris.target_names[iris.target])
Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
joblib.dump(model, Path(sys.argv[1], "iris.joblib"))
