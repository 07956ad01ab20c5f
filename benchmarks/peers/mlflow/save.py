"""Writes MLflow's form of the model: python save.py FOLDER."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import mlflow

folder = Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
mlflow.pyfunc.save_model(folder, python_model=str(Path(__file__).with_name("app.py")), pip_requirements=[])
