"""A score.py: ResNet-50 for all pictures that wait."""

from __future__ import annotations

import os

from benchmarks.gpu import models
from plimsoll.entry import Request, Response, batch, rawhttp

predict: models.Predict


def init() -> None:
    global predict
    predict = models.load(os.environ["PROOF_DEVICE"], int(os.environ["PROOF_SIDE"]))


@rawhttp
@batch(max_size=64)
def run(requests: list[Request]) -> list[Response]:
    pictures = b"".join(request.get_data() for request in requests)
    return [Response(str(found), 200) for found in predict(pictures)]
