"""What an image is to `plimsoll-install`, without an image: an environment of its own above the project's packages.

pip in it installs into its own folder, and sees the project's packages as those of the image. Wheels come from a
folder, never from the network.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

RUNTIME = Path(__file__).parents[2] / "runtime"
TIMEOUT_S = 120


class LittleImage:
    """`sealed`: with constraints, as the images have them."""

    def __init__(self, folder: Path, *, sealed: bool = True) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.wheels.mkdir(parents=True)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        venv.create(folder / "env", with_pip=False)
        self.python = folder / "env" / "bin" / "python"
        (self.packages / "below.pth").write_text(f"{sysconfig.get_path('purelib')}\n{RUNTIME}\n")
        self.constraints = folder / "constraints.txt"
        self.sealed = sealed
        if sealed:
            done = self.run("-m", "plimsoll.install.seal", str(self.constraints))
            assert done.returncode == 0, done.stderr

    @property
    def packages(self) -> Path:
        return next((self.folder / "env" / "lib").glob("python3*")) / "site-packages"

    def wheel(self, name: str, version: str, *requires: str) -> Path:
        """A distribution with one empty module of its own name."""
        stem = f"{name.replace('-', '_')}-{version}"
        info = f"{stem}.dist-info"
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        content = {
            f"{name.replace('-', '_')}.py": "",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        path = self.wheels / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in content.items():
                archive.writestr(file, text)
            archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in (*content, f"{info}/RECORD")))
        return path

    def install(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, last line on stderr, everything on stderr."""
        done = self.run("-m", "plimsoll.install.command", *arguments)
        return done.returncode, (done.stderr.rstrip().splitlines() or [""])[-1], done.stderr

    def pip(self, *arguments: str, constrained: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "pip", *arguments, constrained=constrained)

    def has(self, name: str) -> bool:
        """Whether it was installed into this image, not below it."""
        return any(self.packages.glob(f"{name.replace('-', '_')}-*.dist-info"))

    def run(self, *arguments: str, constrained: bool = True) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull}
        own |= {"TMPDIR": str(self.temporary), "HOME": str(self.folder)}
        if self.sealed and constrained and self.constraints.exists():
            own["PIP_CONSTRAINT"] = str(self.constraints)
        return subprocess.run(
            [self.python, *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=kept | own,
            cwd=self.folder,
        )


assert sys.prefix != sys.base_prefix, "these tests run in the project's own environment"
