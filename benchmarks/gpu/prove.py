"""Beside the wheels of a kit: installs them for this Python, without a network, and runs the proof.

python3 prove.py [--device cpu] [--only STEP,…] [--output DIR]        (python -m benchmarks.gpu says what they mean)

Into a folder of their own, which is put before the packages of this Python: PyTorch is seen as it is, and nothing of
it is changed. A virtual environment would not do: where this Python is one itself, as in many images, an environment
made with --system-site-packages sees the packages of the Python below it, and no PyTorch. Python alone is needed: the
kit brings pip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

KIT = Path(__file__).resolve().parent
WHEELS = KIT / "wheels"
OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> int:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        here = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"this is Python {here}: the kit has wheels for 3.11, 3.12 and 3.13 (python3.12 prove.py)")
    if os.uname().machine != "x86_64":
        sys.exit(f"this is {os.uname().machine}: the kit has wheels for x86-64")
    with tempfile.TemporaryDirectory(prefix="gpu-proof-site-", ignore_cleanup_errors=True) as site:
        _install(site)
        Path(site).chmod(0o755)  # what an ordinary user sees of the driver is one of the claims
        paths = [site, str(KIT), *filter(None, [os.environ.get("PYTHONPATH")])]
        given = sys.argv[1:]
        if not any(argument.startswith("--output") for argument in given):
            given = [*given, "--output", str(Path.cwd() / "gpu-proof")]
        # -P: what lies in the folder in which it is run is not the kit.
        command = [sys.executable, "-P", "-m", "benchmarks.gpu", *given]
        return subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}).returncode


def _install(site: str) -> None:
    """By the kit's own pip, run from its wheel."""
    (pip,) = WHEELS.glob("pip-*.whl")
    command = [sys.executable, f"{pip}/pip", "install", "--quiet", "--no-index", "--find-links", str(WHEELS)]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--root-user-action", "ignore", "--target", site]
    # Settings of the machine's pip may name registries, or forbid what is done here.
    plain = {name: text for name, text in os.environ.items() if not name.startswith("PIP_")}
    subprocess.run([*command, "plimsoll-runtime"], check=True, env=plain | {"PIP_CONFIG_FILE": os.devnull})


if __name__ == "__main__":
    sys.exit(main())
