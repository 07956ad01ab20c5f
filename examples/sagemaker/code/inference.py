"""A script for SageMaker's inference toolkit; what it leaves out is the toolkit's default."""

import os

import joblib
import numpy as np


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def predict_fn(data, model, context):
    data = np.atleast_2d(data)  # a CSV of one row has one dimension
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", f"rows={len(data)}")
    return model.predict(data)
