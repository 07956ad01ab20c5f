"""`builtin:sklearn` on real estimators: a classifier, a regressor with named features, a text pipeline."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
from builtin_scripts import BYTES, answers, npy, request, started
from model_scripts import Make
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

pytestmark = pytest.mark.models


def test_the_digits_in_json_and_binary(made: Make) -> None:
    model = made("sklearn")
    rows = np.zeros((2, 64))
    by_json, as_npy, to_npz, get = answers(
        "sklearn",
        model.out / "model",
        request(model.bodies()[0]),
        request(npy(rows), content_type=BYTES),
        request({"data": rows.tolist()}, accept=BYTES),
        request(method="GET"),
    )
    assert by_json.value["predictions"] == model.expected()[0]
    assert to_npz.arrays["predictions"].tolist() == as_npy.value["predictions"]
    assert to_npz.arrays["probabilities"].shape == (2, 10)
    assert get.value == {"inputs": [{"name": "data", "type": None, "shape": None}]}


BAD = [
    ({"data": [[1, 2]]}, "The model takes rows of 64 features: "),
    ({"data": [[1, 2], [3]]}, "The model takes rows of 64 features: "),
    ({"data": 7}, "The model takes rows of 64 features: "),
    ({"data": [["x"] * 64]}, "The model does not take this data."),
    ({"data": [{"a": 1}]}, "The model does not know names of features: send each row as a list."),
    ({"rows": []}, "There is no input 'rows': the model takes 'data'."),
]


def test_what_the_model_does_not_take_is_a_400(made: Make) -> None:
    told = answers("sklearn", made("sklearn").out / "model", *[request(body) for body, _ in BAD])
    assert [(one.status, one.message[: len(text)]) for one, (_, text) in zip(told, BAD, strict=True)] == [
        (400, text) for _, text in BAD
    ]


def test_a_regressor_with_named_features_takes_rows_as_objects(tmp_path: Path) -> None:
    model = LinearRegression().fit(np.array([[0, 0], [1, 0], [0, 1.0]]), [0, 1, 10])
    model.feature_names_in_ = np.array(["a", "b"], object)
    joblib.dump(model, tmp_path / "lines.joblib")
    named, bare, wrong = answers(
        "sklearn",
        tmp_path,
        request({"data": [{"b": 2, "a": 1}]}),
        request({"data": [[1, 2]]}),
        request({"data": [{"a": 1, "c": 2}]}),
    )
    assert named.value == bare.value
    assert named.value["predictions"] == pytest.approx([21])
    assert (wrong.status, wrong.message) == (400, "Each row must have the features a, b.")


def test_a_text_pipeline_takes_texts(tmp_path: Path) -> None:
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(["good fine", "bad awful"], ["+", "-"])
    joblib.dump(model, tmp_path / "words.joblib")
    good, odd = answers("sklearn", tmp_path, request({"data": ["fine good", "awful"]}), request({"data": "text"}))
    assert good.value["predictions"] == ["+", "-"]
    assert (odd.status, odd.message) == (400, "The model does not take this data.")


def test_what_cannot_predict_stops_the_start(tmp_path: Path) -> None:
    joblib.dump({"no": "model"}, tmp_path / "x.joblib")
    assert "TypeError: a dict has no predict()" in started("sklearn", tmp_path).stderr
