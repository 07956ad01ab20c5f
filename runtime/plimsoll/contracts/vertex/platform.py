"""What Vertex AI sets: port and model folder; the routes are the front's."""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.contracts.platform import Said

_PORT, _STORAGE = "AIP_HTTP_PORT", "AIP_STORAGE_URI"
_DEFAULT_PORT = 8080
_FILE = "file://"


def defaults(environment: Mapping[str, str]) -> dict[str, Said]:
    """A model folder in Cloud Storage is passed on as it is, and refused where it is looked for."""
    port = environment.get(_PORT)
    found = {
        "port": Said(port, f"environment {_PORT}") if port else Said(_DEFAULT_PORT, "Vertex AI"),
        "host": Said("0.0.0.0", "Vertex AI"),  # noqa: S104
    }
    if folder := environment.get(_STORAGE, "").removeprefix(_FILE):
        found["model_dir"] = Said(folder, f"environment {_STORAGE}")
    return found
