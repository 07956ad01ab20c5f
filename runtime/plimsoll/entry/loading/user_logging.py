"""`logging.json`: the user's logging configuration, in the form of `logging.config.dictConfig`."""

from __future__ import annotations

import json
from pathlib import Path

from plimsoll.entry.compat import fallbacks
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.spec import EntrySpec

_NAME = "logging.json"


def configure_logging(spec: EntrySpec) -> None:
    """Applies the file in the application root, else the one beside the script, before the script is loaded.

    Raises BrokenScript when it cannot be applied.
    """
    folders = (Path(spec.app_root), Path(spec.entry_script).parent)
    path = next((folder / _NAME for folder in folders if (folder / _NAME).is_file()), None)
    if path is None:
        return
    import logging.config  # costs memory that most workers need not spend

    fallbacks.install()  # the file may name Azure ML's formatter and filter
    try:
        logging.config.dictConfig(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, ImportError) as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        raise BrokenScript(f"{path}: the logging configuration cannot be applied: {error}{cause}") from None
