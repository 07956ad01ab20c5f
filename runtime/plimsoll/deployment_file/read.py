"""Which kind of deployment a file holds, and what it says."""

from __future__ import annotations

from pathlib import Path

from plimsoll.deployment_file.azureml import read_azureml
from plimsoll.deployment_file.document import read_document
from plimsoll.deployment_file.found import Deployment
from plimsoll.deployment_file.kserve import read_kserve


def read_deployment(path: Path, given: frozenset[str]) -> Deployment:
    """`given` are the settings that were made elsewhere, and take precedence. Raises UsageError."""
    file = read_document(path)
    return read_kserve(file, given) if "apiVersion" in file else read_azureml(file, given)
