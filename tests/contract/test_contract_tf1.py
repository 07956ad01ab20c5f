"""`tf1_compat`: the GPU article's script of 2019, unchanged, on a SavedModel with one input and two outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from contract_scripts import RunScript, ScriptRun, other, post

pytestmark = [pytest.mark.models, pytest.mark.tensorflow]
ARTICLE = Path(__file__).with_name("gpu_article_score.py.txt")

# Two outputs, of which the article's script answers with the second: mean red, green and blue of each picture.
MAKER = """
import sys
from pathlib import Path
import tensorflow as tf

@tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="images")])
def means(images):
    def mean(image): return tf.reduce_mean(tf.cast(tf.io.decode_jpeg(image, channels=3), tf.float32), axis=[0, 1])
    rgb = tf.map_fn(mean, images, fn_output_signature=tf.TensorSpec([3], tf.float32))
    return {"classes": tf.argmax(rgb, axis=1), "probabilities": rgb / 255.0}

module = tf.Module()
module.means = means
tf.saved_model.save(module, sys.argv[1], signatures={"serving_default": means})
red = tf.tile(tf.constant([[[255, 0, 0]]], tf.uint8), [32, 32, 1])
Path(sys.argv[2]).write_bytes(tf.io.encode_jpeg(red, quality=100).numpy())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tf1")
    result = subprocess.run(
        [sys.executable, "-c", MAKER, str(folder / "saved"), str(folder / "red.jpg")],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    return folder


def answered(run: RunScript, made: Path, tmp_path: Path, *, tf1_compat: bool) -> ScriptRun:
    versions = tmp_path / "azureml-models" / "resnet50" / "1"
    versions.mkdir(parents=True)
    (versions / "model").symlink_to(made / "saved", target_is_directory=True)
    calls = [post((made / "red.jpg").read_bytes()), other("GET"), other("PUT"), post(b"no picture")]
    return run(ARTICLE.read_text(), *calls, tf1_compat=tf1_compat)


@pytest.mark.parametrize("site", ["with_packages", "without_packages"])
def test_the_article_runs_unchanged(request: pytest.FixtureRequest, made: Path, tmp_path: Path, site: str) -> None:
    """Once with the real ujson, azureml-contrib-services and Flask, once with what stands in for them."""
    run = answered(request.getfixturevalue(site), made, tmp_path, tf1_compat=True)
    assert run.error is None
    picture, get, put, not_a_picture = run.answers
    assert (picture.status, picture.headers) == (200, [("Content-Type", "text/html; charset=utf-8")])
    (rgb,) = json.loads(picture.body)
    assert rgb == pytest.approx([1, 0, 0], abs=0.02)
    assert (get.status, get.body) == (405, b"GET is not supported")
    assert (put.status, put.body, put.run_function_failed) == (500, b"bad request", True)
    assert (not_a_picture.status, not_a_picture.run_function_failed) == (500, True)


def test_without_the_switch_the_start_says_why(without_packages: RunScript, made: Path, tmp_path: Path) -> None:
    run = answered(without_packages, made, tmp_path, tf1_compat=False)
    assert "ModuleNotFoundError: No module named 'ujson'" in str(run.error)


def test_other_names_of_tensorflow_stay_reachable(without_packages: RunScript) -> None:
    source = """
        import tensorflow as tf
        import tensorflow.compat.v2 as tf2
        from tensorflow.python.framework import ops
        from tensorflow import Session
        assert Session is tf.Session and "placeholder" in dir(tf)
        def init():
            global session, doubled, x
            session = tf.Session()
            x = tf.placeholder(tf.float32)
            doubled = x * 2
        def run(data): return [float(session.run(doubled, {x: float(data)})), tf.executing_eagerly(), tf.__version__[0]]
    """
    assert without_packages(source, post(b"1.5"), tf1_compat=True).values() == [[3.0, False, "2"]]
