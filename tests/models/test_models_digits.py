"""The digits classifiers of scikit-learn and ONNX Runtime answer with what the digits really show."""

from __future__ import annotations

import json

import pytest
from model_scripts import Make, make

pytestmark = pytest.mark.models


@pytest.mark.parametrize("name", ["onnx", "sklearn"])
def test_held_out_digits_are_recognised(made: Make, name: str) -> None:
    model = made(name)
    answers = [answer.value() for answer in model.answers(*[("POST", body) for body in model.bodies()])]
    pairs = [
        (predicted, label)
        for answer, labels in zip(answers, model.expected(), strict=True)
        for predicted, label in zip(answer["predictions"], labels, strict=True)
    ]
    assert len(pairs) == 450
    assert sum(predicted == label for predicted, label in pairs) / len(pairs) > 0.95
    for row in answers[0]["probabilities"]:
        assert len(row) == 10
        assert sum(row) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["onnx", "sklearn"])
def test_bad_requests_fail_alone(made: Make, name: str) -> None:
    model = made(name)
    good = model.bodies()[0]
    bodies = [good, b"no json", b'{"data": [[1, 2]]}', b'{"other": 1}', b"\xff", good]
    answers = model.answers(*[("POST", body) for body in bodies])
    assert [answer.status for answer in answers] == [200, 500, 500, 500, 400, 200]
    assert [answer.run_function_failed for answer in answers] == [False, True, True, True, False, False]


def test_rows_hold_one_or_several_digits(made: Make) -> None:
    sizes = {len(json.loads(body)["data"]) for body in made("onnx").bodies()}
    assert {1, 2, 4, 16} <= sizes


def test_the_maker_says_what_it_wrote_and_works_once(made: Make) -> None:
    model = made("onnx")
    assert "held-out accuracy: 0.9" in model.said
    assert f"wrote {model.out / 'requests.txt'}" in model.said
    assert make("onnx", model.out) == f"{model.out} is up to date\n"
