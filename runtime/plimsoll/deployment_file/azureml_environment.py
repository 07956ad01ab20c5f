"""The environment of an Azure ML deployment: none is built here, and what would have to be is named."""

from __future__ import annotations

from plimsoll.deployment_file.conda import conda_note
from plimsoll.deployment_file.document import read_document
from plimsoll.deployment_file.found import Deployment
from plimsoll.deployment_file.paths import is_elsewhere, local_path
from plimsoll.deployment_file.section import Section

_FILE = "file:"
_ROUTES = ("liveness_route", "readiness_route", "scoring_route")


def read_environment_of(file: Section, found: Deployment) -> None:
    if "environment" not in file:
        return
    if not file.is_text("environment"):
        _read(file.section("environment"), found)
        return
    text = file.text("environment") or ""
    if text.startswith(_FILE):
        path = local_path(file, "environment", text.removeprefix(_FILE), "remove the key")
        _read(read_document(path, found.notes), found)
    elif text.startswith("azureml:"):
        found.ignore(file.place("environment"), f"{text} is in the cloud; the script must find its packages here")
    else:
        raise file.error("environment", f"{text!r} is not azureml:NAME:VERSION", f"write a file as {_FILE}{text}")


def _read(section: Section | None, found: Deployment) -> None:
    if section is None:
        return
    for key in ("$schema", "name", "version", "description", "tags", "properties", "datastore"):
        section.any(key)
    os_type = section.text("os_type")
    if os_type is not None and os_type.lower() not in ("linux", "windows"):
        raise section.error("os_type", f"{os_type!r} is not one of linux, windows")
    if image := section.text("image"):
        found.ignore(section.place("image"), f"{image} is not pulled; this Python serves")
    if "conda_file" in section:
        found.notes.append(conda_note(section, "conda_file"))
    _read_build(section, found)
    _read_routes(section, found)
    section.close()


def _read_build(section: Section, found: Deployment) -> None:
    build = section.section("build")
    if build is None:
        return
    build.text("dockerfile_path")
    if path := build.text("path"):
        if not is_elsewhere(path):
            local_path(build, "path", path, "remove the key")
        found.ignore(build.place("path"), f"the image of {path} is not built; this Python serves")
    build.close()


def _read_routes(section: Section, found: Deployment) -> None:
    """Of a server that somebody else has put into an image."""
    config = section.section("inference_config")
    if config is None:
        return
    for name in _ROUTES:
        route = config.section(name)
        if route is None:
            raise config.error(name, "missing", f"the platform requires {', '.join(_ROUTES)}")
        route.whole("port")
        route.required("path")
        route.close()
    config.close()
    found.ignore(section.place("inference_config"), "the port is --port, and the route /score")
