"""The script's module in processes that multiprocessing starts afresh: its "spawn" and "forkserver" methods.

Functions and classes of a script are pickled as `entry_module.…`, a name that only the worker knows. Here it is looked
up when it is first asked for: the file is executed as any module is, without init().
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from plimsoll.entry.compat import fallbacks
from plimsoll.entry.loading.module import MODULE_NAME, module_spec

_SCRIPT = "AZUREML_ENTRY_SCRIPT"


def offer_script() -> None:
    """Makes `import entry_module` work."""
    sys.meta_path.append(_ScriptFinder())


class _ScriptFinder:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        script = os.environ.get(_SCRIPT)
        if name != MODULE_NAME or script is None:
            return None
        fallbacks.install()
        return module_spec(script)
