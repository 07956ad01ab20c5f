"""The images as the platforms start them: port, folders and health check are theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from image_container import Limits
from image_engine import APP, Engine

pytestmark = pytest.mark.images

PORT = 8080
INFERENCE = """
import os
def model_fn(model_dir): return sorted(os.listdir(model_dir))
def transform_fn(model, data, content_type, accept): return model
"""
SCORE = "def init(): pass\ndef run(instances): return instances\n"


def test_sagemaker_starts_it_with_the_word_serve(engine: Engine, slim: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "code" / "inference.py").write_text(INFERENCE)
    limits = Limits(mounts={model: "/opt/ml/model"}, hardened=True)
    with engine.run(slim, "serve", limits=limits, inside=PORT) as container:
        assert container.get("/ping").status == 200
        assert container.post("/invocations", b"1").json() == ["code"]
        assert container.exec("plimsoll", "healthcheck").returncode == 0


def test_vertex_ai_shows_itself_by_its_variables(engine: Engine, slim: str, app: Callable[[str], Path]) -> None:
    variables = {
        "AIP_HTTP_PORT": str(PORT),
        "AIP_HEALTH_ROUTE": "/alive",
        "AIP_PREDICT_ROUTE": "/do",
        "AIP_STORAGE_URI": "",
    }
    limits = Limits(mounts={app(SCORE): APP}, env=variables, hardened=True)
    with engine.run(slim, limits=limits, inside=PORT) as container:
        assert container.get("/alive").status == 200
        assert container.post("/do", b'{"instances": [1]}').json() == {"predictions": [1]}
        assert container.exec("plimsoll", "healthcheck").returncode == 0
