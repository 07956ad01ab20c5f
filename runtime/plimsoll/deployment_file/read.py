"""Which kind of deployment a file holds, and what it says."""

from __future__ import annotations

from pathlib import Path

from plimsoll.deployment_file.azureml import read_azureml
from plimsoll.deployment_file.document import read_document
from plimsoll.deployment_file.found import Deployment


def read_deployment(path: Path, given: frozenset[str]) -> Deployment:
    """`given` are the settings that were made elsewhere, and take precedence. Raises UsageError."""
    return read_azureml(read_document(path), given)
