"""A script for the Open Inference Protocol: run() takes and gives the tensors that its signature names."""

import os

import joblib

from plimsoll.entry import Tensor, signature


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))


@signature(
    inputs=[Tensor("x", "FP32", [-1, 4])],
    outputs=[Tensor("label", "INT64", [-1]), Tensor("probabilities", "FP32", [-1, 3])],
)
def run(x):
    return model.predict(x), model.predict_proba(x)
