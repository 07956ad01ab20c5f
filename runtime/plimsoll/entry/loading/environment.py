"""The environment that a script may read; the spawner of a worker adds it to the child's."""

from __future__ import annotations

from plimsoll.entry.spec import EntrySpec


def environment(spec: EntrySpec) -> dict[str, str]:
    names = {
        "AML_APP_ROOT": spec.app_root,
        "AZUREML_ENTRY_SCRIPT": spec.entry_script,
        "AZUREML_MODEL_DIR": spec.model_dir,
        "AZUREML_SOURCE_DIRECTORY": spec.source_dir,
    }
    return {name: value for name, value in names.items() if value is not None}
