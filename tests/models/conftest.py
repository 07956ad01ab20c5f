"""Real models, built once per session by the makers of the entry scripts."""

from __future__ import annotations

import pytest
from model_scripts import BuiltModel, Make, make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    models: dict[str, BuiltModel] = {}

    def build(name: str) -> BuiltModel:
        if name not in models:
            out = tmp_path_factory.mktemp(name)
            models[name] = BuiltModel(name, out, make(name, out))
        return models[name]

    return build
