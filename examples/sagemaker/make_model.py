"""Trains a classifier of iris flowers and lays it out as SageMaker unpacks model.tar.gz: make_model.py FOLDER."""

import shutil
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), folder / "model.joblib")
shutil.copytree(Path(__file__).with_name("code"), folder / "code", dirs_exist_ok=True)
