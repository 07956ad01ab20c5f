"""ResNet-50 as a SavedModel: JPEG bytes in, probabilities out."""

from __future__ import annotations

import json

import pytest
from model_scripts import Make

pytestmark = [pytest.mark.models, pytest.mark.tensorflow]


def test_pictures_in_probabilities_out(made: Make) -> None:
    model = made("tensorflow")
    pictures = sorted((model.out / "requests").glob("*.jpg"))
    assert len(pictures) == 12
    calls = [("POST", picture.read_bytes()) for picture in pictures]
    *answers, not_a_picture, get, head = model.answers(*calls, ("POST", b"no picture"), ("GET", b""), ("HEAD", b""))
    for answer in answers:
        probabilities = answer.value()["probabilities"]
        assert len(probabilities) == 1000
        assert sum(probabilities) == pytest.approx(1, abs=1e-3)
        assert answer.value()["class"] == max(range(1000), key=probabilities.__getitem__)
    assert len({answer.body for answer in answers}) == 12
    assert (not_a_picture.status, json.loads(not_a_picture.body)) == (400, {"message": "The body is not a JPEG image."})
    assert (get.status, get.body) == (405, "GET is not supported")
    assert (head.status, head.body) == (405, "")
