"""A script for Vertex AI: run() takes what a request has by these names."""

import os

import joblib


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))


def run(instances, parameters=None):
    if (parameters or {}).get("probabilities"):
        return model.predict_proba(instances)
    return model.predict(instances)
