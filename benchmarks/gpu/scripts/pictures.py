"""A score.py: ResNet-50, one picture after the other."""

from __future__ import annotations

import os

from benchmarks.gpu import models
from plimsoll.entry import Request, Response, rawhttp

predict: models.Predict


def init() -> None:
    global predict
    predict = models.load(os.environ["PROOF_DEVICE"], int(os.environ["PROOF_SIDE"]))


@rawhttp
def run(request: Request) -> Response:
    return Response(str(predict(request.get_data())[0]), 200)
