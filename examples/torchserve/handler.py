"""As it was written for TorchServe: a class with initialize() and handle()."""

import json
from pathlib import Path


class Handler:
    def initialize(self, context):
        folder = Path(context.system_properties["model_dir"])
        self.weights = json.loads((folder / "weights.json").read_text())

    def preprocess(self, requests):
        return [json.loads(request["body"])["data"] for request in requests]

    def inference(self, rows):
        return [sum(weight * value for weight, value in zip(self.weights, row)) for row in rows]

    def postprocess(self, results):
        return [{"prediction": result} for result in results]

    def handle(self, requests, context):
        return self.postprocess(self.inference(self.preprocess(requests)))
