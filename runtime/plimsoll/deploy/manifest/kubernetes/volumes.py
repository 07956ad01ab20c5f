"""What a container may write to, and what it is given to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plimsoll.deploy.manifest.accelerator import Accelerator
from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.options import ManifestOptions

MODEL_FOLDER = "/var/azureml-model"
KEYS_FOLDER = "/etc/plimsoll/keys"
KEYS_FILE = "keys"
TLS_FOLDER = "/etc/plimsoll/tls"
TLS_FILES = ("tls.crt", "tls.key")
"""What a secret of the type kubernetes.io/tls holds."""
_GROUP_READS = 0o440


@dataclass(frozen=True, slots=True)
class Volume:
    """`source` as in a pod's `volumes`, without the name."""

    name: str
    path: str
    source: dict[str, Tree]
    reason: str
    writable: bool = False

    @property
    def declared(self) -> Tree:
        return {"name": self.name, **self.source}

    @property
    def mount(self) -> Tree:
        return Noted(
            {"name": self.name, "mountPath": self.path, "readOnly": None if self.writable else True}, self.reason
        )


def volumes(options: ManifestOptions, accelerator: Accelerator | None) -> list[Volume]:
    """The root file system is read-only: what must be written lies in memory files, or here."""
    found = [Volume("tmp", "/tmp", {"emptyDir": {}}, "HOME and the caches of libraries", writable=True)]  # noqa: S108
    if accelerator is not None:
        reason = "GPU kernels that the driver compiles at first use; a claim in its place keeps them for new replicas"
        found.append(Volume("kernels", "/var/cache/plimsoll", {"emptyDir": {}}, reason, writable=True))
    if options.model_claim:
        source: dict[str, Tree] = {"persistentVolumeClaim": {"claimName": options.model_claim, "readOnly": True}}
        found.append(Volume("model", MODEL_FOLDER, source, "the model, for all replicas"))
    if options.keys_secret:
        source = _secret(options.keys_secret, [KEYS_FILE])
        found.append(Volume("keys", KEYS_FOLDER, source, "read again when the secret changes"))
    if options.tls_secret:
        source = _secret(options.tls_secret, TLS_FILES)
        found.append(Volume("tls", TLS_FOLDER, source, "certificate and key, read at the start"))
    return found


def _secret(name: str, files: Iterable[str]) -> dict[str, Tree]:
    mode = Noted(_GROUP_READS, "0440 in octal: root, and group 0, which the image's user is in")
    items: list[Tree] = [{"key": file, "path": file} for file in files]
    return {"secret": {"secretName": name, "defaultMode": mode, "items": items}}
