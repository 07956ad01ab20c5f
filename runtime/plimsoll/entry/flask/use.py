"""Whether a script uses Flask: only then do its calls cost what Flask's contexts cost."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_NAME = "flask"
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+flask\b|import[ \t][^#\n]*\bflask\b)", re.MULTILINE)


def is_imported() -> bool:
    # A module of the user's own of that name is another thing.
    return hasattr(sys.modules.get(_NAME), "Flask")


def import_if_used(script: str) -> bool:
    """Whether Flask is imported by now, or later by a function of the script or of a module beside it: then, here."""
    if not is_imported() and any(_mentions_flask(path) for path in Path(script).parent.glob("*.py")):
        with suppress(Exception):  # a Flask that cannot be imported is the script's to complain of
            import_module(_NAME)
    return is_imported()


def _mentions_flask(path: Path) -> bool:
    try:
        return _IMPORT.search(path.read_bytes()) is not None
    except OSError:
        return False
