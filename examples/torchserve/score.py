"""Calls the handler of handler.py as TorchServe does: a list of requests in, a list of answers out."""

import os
from types import SimpleNamespace

from handler import Handler

from plimsoll.entry import batch


def init():
    global handler, context
    properties = {"model_dir": os.environ["AZUREML_MODEL_DIR"], "gpu_id": None, "batch_size": 8}
    context = SimpleNamespace(system_properties=properties, manifest={"model": {}})
    handler = Handler()
    handler.initialize(context)


@batch(max_size=8)
def run(data):
    return handler.handle([{"body": body} for body in data], context)
