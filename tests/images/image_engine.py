"""A container engine for tests: finds Docker or Podman, builds Dockerfiles, runs images.

Docker is taken where its daemon answers, else Podman; on a Debian machine as root that has neither, Podman is
installed. Nothing is imitated: what is built and run here are images and containers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from image_container import Container, Limits

from support.server import free_port

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(__file__).with_name("engine")
PORT = 5001
APP = "/var/azureml-app"
SCORE = ("--entry-script", "score.py")
_BUILD_S, _PULL_S, _RUN_S = 1500.0, 180.0, 280.0


class NoEngine(Exception):
    """Neither engine works, and none can be installed."""


@dataclass(frozen=True)
class Engine:
    """`docker` or `podman` with what it needs here; `build_flags` lend the host's settings to RUN steps.

    It works in `folder`, where Podman leaves a file named oom when memory runs out in a container.
    """

    command: str
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    build_flags: tuple[str, ...] = ()

    def call(self, *arguments: str, timeout_s: float = _RUN_S) -> subprocess.CompletedProcess[str]:
        """Any subcommand; the caller looks at the exit status."""
        command = [self.command, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, env=self.environment(), timeout=timeout_s
        )

    def build(
        self,
        dockerfile: Path,
        tag: str,
        *,
        target: str | None = None,
        context: Path = REPOSITORY,
        args: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Builds and tags; the caller looks at the exit status. Base images are those that lie here already."""
        flags = [*self.build_flags, "--file", str(dockerfile), "--tag", tag]
        flags += ["--target", target] if target else []
        for name, value in (args or {}).items():
            flags += ["--build-arg", f"{name}={value}"]
        return self.call("build", *flags, str(context), timeout_s=_BUILD_S)

    def run(
        self, image: str, *arguments: str, limits: Limits | None = None, wait: bool = True, inside: int = PORT
    ) -> Container:
        """A container in the background, used as a context manager: it is ready on entry unless `wait` is off.

        `inside`: the port that the server listens on there.
        """
        port = free_port()
        published = ["--detach", "--publish", f"127.0.0.1:{port}:{inside}"]
        started = self.call("run", *published, *(limits or Limits()).flags(), image, *arguments)
        if started.returncode:
            raise AssertionError(f"{self.command} run {image}: {started.stderr}")
        return Container(self.call, started.stdout.strip(), port, wait)

    def once(
        self, image: str, *arguments: str, limits: Limits | None = None, flags: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A container that runs to its end and is removed."""
        return self.call("run", "--rm", *flags, *(limits or Limits()).flags(), image, *arguments)

    def has(self, image: str) -> bool:
        """Whether it lies here already."""
        return self.call("image", "inspect", image).returncode == 0

    def pull(self, image: str) -> bool:
        """Whether it lies here now."""
        try:
            return self.has(image) or self.call("pull", "--quiet", image, timeout_s=_PULL_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def reference(self, image: str) -> str:
        """By digest, as it can be pulled again; just the name where the engine knows no digest."""
        digests = self.call("image", "inspect", "--format", "{{json .RepoDigests}}", image).stdout
        return next(iter(json.loads(digests) or []), image)

    def rootfs_bytes(self, image: str) -> int:
        """What the files of the image hold, unpacked; hard links count once."""
        counted = self.once(image, "-xs", "--apparent-size", "--block-size=1", "/", flags=(*AS_ROOT, "du"))
        assert counted.returncode == 0, counted.stderr
        return int(counted.stdout.split()[0])

    def environment(self) -> dict[str, str]:
        """For scripts that call the engine themselves."""
        return os.environ | dict(self.env)


AS_ROOT = ("--user", "0:0", "--entrypoint")


def engine_folder() -> Path:
    """Where an engine that is set up here keeps its images."""
    return Path(os.environ.get("PLIMSOLL_TEST_ENGINE_DIR", "/var/tmp/plimsoll-engine"))


def find_engine(folder: Path, say: Callable[[str], None]) -> Engine:
    """The engine of this machine; `folder` takes the images of one that is set up here. Raises NoEngine."""
    folder.mkdir(parents=True, exist_ok=True)
    if _answers("docker"):
        return Engine("docker", folder)
    if not shutil.which("podman"):
        say("no Docker daemon and no Podman here: installing Podman from the distribution's packages")
    installed = subprocess.run([SCRIPTS / "install.sh"], capture_output=True, text=True)
    if installed.returncode or not shutil.which("podman"):
        raise NoEngine(f"no container engine: {last_line(installed.stderr) or 'podman is not on the PATH'}")
    engine = _configured(folder) if _needs_configuration() else Engine("podman", folder)
    info = engine.call("info")
    if info.returncode:
        raise NoEngine(f"no container engine: podman info: {last_line(info.stderr)}")
    return engine


def _answers(command: str) -> bool:
    if not shutil.which(command):
        return False
    return subprocess.run([command, "info"], capture_output=True, timeout=60).returncode == 0


def _needs_configuration() -> bool:
    """Podman's defaults are made for systemd and control groups of version 2, and for users other than root."""
    version_2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return os.getuid() == 0 and not (version_2 and Path("/run/systemd/system").exists())


def _configured(folder: Path) -> Engine:
    subprocess.run([SCRIPTS / "configure.sh", folder], check=True)
    files = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
    env = {name: str(folder / file) for name, file in files.items()} | {"BUILDAH_ISOLATION": "chroot"}
    return Engine("podman", folder, env, ("--format", "docker", "--layers", "--pull=never", *_lent_settings(folder)))


def _lent_settings(folder: Path) -> list[str]:
    """Certificates and package settings of this machine, for RUN steps only: none of it stays in the image."""
    certificates, lent = Path("/etc/ssl/certs/ca-certificates.crt"), folder / "lent"
    lent.mkdir(exist_ok=True)
    apt = lent / "apt.conf"
    apt.write_text(_apt_settings())
    mounts = {apt: "/etc/apt/apt.conf.d/99-of-the-host"}
    if any(Path("/usr/local/share/ca-certificates").glob("*.crt")) and certificates.exists():
        pip = lent / "pip.conf"
        pip.write_text("[global]\ncert = /run/host/ca.crt\n")
        mounts |= {certificates: "/run/host/ca.crt", pip: "/etc/pip.conf"}
    return [part for source, target in mounts.items() for part in ("--volume", f"{source}:{target}:ro")]


def _apt_settings() -> str:
    """How this machine's apt fetches: proxies, checks of dates, retries."""
    if not shutil.which("apt-config"):
        return ""
    lines = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if re.match(r"Acquire::(http|https|Check-|Retries)", line))


def last_line(text: str) -> str:
    """Where the tools of containers say what went wrong."""
    return text.strip().splitlines()[-1] if text.strip() else ""
