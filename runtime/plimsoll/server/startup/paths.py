"""Where the script and what it needs lie; checked before anything is started."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

from plimsoll.entry import builtin
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import EntryError, UsageError
from plimsoll.server.auth import ApiKeys
from plimsoll.server.tracing import Tracing
from plimsoll.settings.serving import ServeSettings
from plimsoll.warning import warn

_BUILTIN = "builtin:"
# The second is what Azure ML's images serve when nobody names a script.
_USUAL_SCRIPTS = ("score.py", "main.py")


def entry_spec(settings: ServeSettings, from_flag: bool) -> EntrySpec:
    """Absolute paths of the script and its surroundings. Raises UsageError or EntryError."""
    root = Path(settings.app_root or ".").resolve()
    name = settings.entry_script or _default_script(root, is_app_root=bool(settings.app_root))
    script = _script(name, Path() if from_flag else root)
    source = root / settings.source_dir if settings.source_dir else None
    _must_exist("entry script", script, stat.S_ISREG)
    _must_exist("app root", root, stat.S_ISDIR)
    if source is not None and not _exists("source folder", source, _of_any_kind):
        warn(f"source folder not found: {source}: nothing can be imported from it")
    return EntrySpec(
        entry_script=str(script),
        app_root=str(root),
        source_dir=str(source) if source else None,
        model_dir=_model(settings.model_dir, may_be_missing=not name.startswith(_BUILTIN)),
        tf1_compat=settings.tf1_compat,
        service_name=settings.service_name,
        service_version=settings.service_version,
        service_path_prefix=settings.service_path_prefix,
        max_body_bytes=settings.max_body_bytes,
    )


def _model(given: str | None, *, may_be_missing: bool) -> str | None:
    """The path of a folder or file; as it was given where there is none, and init() must know what it makes of it."""
    if not given:
        return None
    if "://" in given:
        raise UsageError(
            f"the model folder {given} is not on this machine",
            remedy="copy it into the image or a volume and name that folder with --model-dir; a script that fetches"
            " its model itself needs one too, any will do",
        )
    path = Path(given).resolve()
    if not may_be_missing:
        _must_exist("model folder", path, stat.S_ISDIR)
    elif not _exists("model folder", path, _of_any_kind):
        warn(f"model folder not found: {path}: init() has to manage without it")
        return given
    return str(path)


def _default_script(root: Path, *, is_app_root: bool) -> str:
    """The script when nobody names one. Raises UsageError in a folder that is no app root and has no score.py."""
    candidates = _USUAL_SCRIPTS if is_app_root else _USUAL_SCRIPTS[:1]
    found = next((name for name in candidates if os.path.exists(root / name)), None)  # noqa: PTH110
    if found is None and not is_app_root:
        raise UsageError(
            f"no entry script: there is no {candidates[0]} in {root}",
            remedy="give --entry-script FILE, or set AZUREML_ENTRY_SCRIPT",
        )
    return found or candidates[0]


def _script(name: str, base: Path) -> Path:
    if name.startswith(_BUILTIN):
        return builtin.path(name.removeprefix(_BUILTIN))
    return (base / name).resolve()


def check_files(settings: ServeSettings) -> None:
    """Raises UsageError for key files, certificates or packages that cannot be used, before anything is started."""
    if settings.api_keys_file:
        ApiKeys(settings.api_keys_file)
    if settings.tracing:
        Tracing.from_environment().close()
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise UsageError("--tls-cert and --tls-key belong together", remedy="give both, or neither")
    if settings.tls_cert:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--tls-cert {settings.tls_cert}, --tls-key {settings.tls_key}: {error}") from None


def _must_exist(what: str, path: Path, is_kind: Callable[[int], bool]) -> None:
    if not _exists(what, path, is_kind):
        raise EntryError(f"{what} not found: {path}", remedy="check the path, it is shown as it was resolved")


def _exists(what: str, path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Whether its mode is of the kind. Raises EntryError for what is there, or may be, and cannot be read.

    From Python 3.14 on, `Path.is_file` and `is_dir` do not tell what may not be looked at from what is not there.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        raise EntryError(f"{what} cannot be reached: {path}: Permission denied", remedy=_rights(path)) from None
    except OSError:
        return False
    if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
        raise EntryError(f"{what} cannot be read: {path}: Permission denied", remedy=_rights(path))
    return is_kind(mode)


def _of_any_kind(mode: int) -> bool:
    return True


def _rights(path: Path) -> str:
    """Who we are, and what lets us in."""
    return f"this is user {os.getuid()}, group {os.getgid()}: chmod -R a+rX {path}, or run as a user who may"
