"""The environment variables of a deployment: text, whatever YAML makes of it, as Azure hands them to the container."""

from __future__ import annotations

import os

from plimsoll.deployment_file.found import Deployment, Said
from plimsoll.deployment_file.section import Section

OF_THE_CONTAINER = ("AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "AZUREML_MODEL_DIR", "AZUREML_SOURCE_DIRECTORY")
"""Paths inside an image of somebody else's, which are other ones here."""


def read_variables(file: Section, key: str, found: Deployment) -> dict[str, Said]:
    section = file.section(key)
    if section is None:
        return {}
    values = {name: _text(section, name) for name in section.names()}
    for name in OF_THE_CONTAINER:
        if name in values:
            found.ignore(section.place(name), "a path inside the container; code and model are those of the file")
    return {name: Said(text, section.place(name)) for name, text in values.items() if name not in OF_THE_CONTAINER}


def _text(section: Section, name: str) -> str:
    value = section.any(name)
    if isinstance(value, dict | list):
        raise section.error(name, "not text", "variables have one value each")
    text = str(value)
    check_variable(section, name, name, text)
    return text


def check_variable(section: Section, key: str, name: str, text: str) -> None:
    """Raises UsageError for what an environment cannot hold."""
    if not name or "=" in name or "\0" in name + text or not _has_bytes(name + text):
        raise section.error(key, "not a name and value that an environment can hold")


def _has_bytes(text: str) -> bool:
    """Half of a surrogate pair, which YAML can escape, has none."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True
