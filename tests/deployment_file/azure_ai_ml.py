"""What Azure's own package makes of each case: writes azure_ai_ml.json, which the tests compare with.

In an environment of its own: `pip install azure-ai-ml`, then `python tests/deployment_file/azure_ai_ml.py`.
"""

from __future__ import annotations

import json
import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from azure.ai.ml import load_online_deployment
from azure_cases import CASES, desk_of, with_change


def read(folder: Path, change: dict[str, Any]) -> dict[str, Any] | None:
    """None where it refuses the file."""
    file = folder / "deployment.yml"
    file.write_text(yaml.safe_dump(with_change(change), sort_keys=False))
    try:
        found = load_online_deployment(file)
    except Exception:
        return None
    code, requests, model = found.code_configuration, found.request_settings, found.model
    return {
        "name": found.name,
        "service_name": found.endpoint_name,
        "scoring_timeout_ms": requests.request_timeout_ms if requests else None,
        "at_once": requests.max_concurrent_requests_per_instance if requests else None,
        "script": f"{code.code}/{code.scoring_script}" if code else None,
        "model": str(Path(model.path).relative_to(folder)) if getattr(model, "path", None) else None,
        "instance_type": found.instance_type,
        "instances": found.instance_count,
        "variables": found.environment_variables or {},
    }


def main() -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        folder = desk_of(Path(name))
        cases = {case: read(folder, change) for case, change in CASES.items()}
    content = {"azure-ai-ml": version("azure-ai-ml"), "cases": cases}
    Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
