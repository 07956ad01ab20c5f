"""Trains a classifier of iris flowers and saves it with MLflow: make_model.py FOLDER."""

import sys

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

data, kinds = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=500).fit(data, kinds)
signature = infer_signature(data, kinds)
mlflow.sklearn.save_model(model, sys.argv[1], signature=signature, serialization_format="cloudpickle")
