"""Fails the build of an image that cannot work: run in it, as its user, before it gets its name.

    smoke.py [NAME[==VERSION]]…        the distributions that must be there; those that are frameworks must compute

Prints the packages with their licences; what is wrong goes to stderr, one line each, with exit code 1.
"""

from __future__ import annotations

import base64
import os
import re
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from importlib.util import cache_from_source
from pathlib import Path

_PACKAGES = Path(sysconfig.get_path("purelib"))
_CONSTRAINTS = Path("/opt/plimsoll/constraints.txt")
_STEPS = Path("/opt/plimsoll/steps")
_MUST_BE_WRITABLE = ("/tmp", "/var/azureml-app", "/var/cache/plimsoll", "/opt/plimsoll/user")
_NOT_SEARCHED = ("/proc", "/sys", "/dev", "/run/secrets")
_CUDA = re.compile(r"lib(cublas|cublasLt|cudart|cudnn\w*|cufft|curand|cusolver|cusparse|nccl|nvrtc)\.so\.\d+$")
# y = x + x for two floats, ONNX operator set 13.
_ONNX_MODEL = "CAg6NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIAmIPCgF5EgoKCAgBEgQKAggCQgQKABAN"


def main(wanted: list[str]) -> int:
    checks: list[Callable[[], Iterator[str]]] = [
        _user, _permissions, _bytecode, _pip_check, _licences, _constraints, _libraries, _one_cuda, _commands, _serves,
        lambda: _versions(wanted),
        *(_FRAMEWORKS[name] for name in map(_name, wanted) if name in _FRAMEWORKS),
    ]  # fmt: skip
    problems = [problem for check in checks for problem in _found_by(check)]
    for problem in problems:
        sys.stderr.write(f"smoke: {problem}\n")
    for found in sorted(_installed(), key=lambda one: one.name.lower()):
        sys.stdout.write(f"{found.name} {found.version} {_licence(found)}\n")
    sys.stderr.write(
        f"smoke: {'FAILED' if problems else 'well'}, {_size_bytes() / 1e6:.0f} MB in the root file system\n"
    )
    return 1 if problems else 0


def _found_by(check: Callable[[], Iterator[str]]) -> list[str]:
    """A check that breaks down has found something too; the others are made all the same."""
    try:
        return list(check())
    except Exception as error:
        return [f"{check.__name__.strip('_')}: {type(error).__name__}: {error}"]


def _user() -> Iterator[str]:
    if os.getuid() == 0:
        yield "the user is root"
    if os.getgid() != 0:
        yield "the group is not 0, which is what clusters give to users of their own choosing"
    for folder in _MUST_BE_WRITABLE:
        if not os.access(folder, os.W_OK):
            yield f"{folder} cannot be written to"


def _permissions() -> Iterator[str]:
    """Nothing but the folders made for it can be changed by this user or by all."""
    for path, status in _files():
        if stat.S_ISLNK(status.st_mode):
            continue
        mode = status.st_mode
        if mode & stat.S_IWOTH and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
            yield f"{path} can be written to by everybody"
        elif not str(path).startswith(_MUST_BE_WRITABLE) and os.access(path, os.W_OK) and not mode & stat.S_ISVTX:
            yield f"{path} can be written to by the user of the image"
        if str(path).startswith("/usr/local/lib") and not mode & stat.S_IROTH:
            yield f"{path} cannot be read by everybody"


def _bytecode() -> Iterator[str]:
    """It was compiled while the image was built, and still fits: nothing can be compiled in a read-only container."""
    for source in (_PACKAGES / "plimsoll/command/cli.py", _PACKAGES / "starlette/applications.py", Path(os.__file__)):
        compiled = Path(cache_from_source(str(source)))
        if not compiled.is_file():
            yield f"{source} is not compiled"
        elif int.from_bytes(compiled.read_bytes()[8:12], "little") != int(source.stat().st_mtime):
            yield f"{source}: its compiled form is out of date"


def _pip_check() -> Iterator[str]:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    if done.returncode:
        yield from done.stdout.splitlines()


def _licences() -> Iterator[str]:
    for found in _installed():
        if not _licence(found):
            yield f"{found.name} names no licence"
    own = next((one for one in _installed() if one.name == "plimsoll-runtime"), None)
    if own is None or not any(file.name == "LICENSE" and file.locate().is_file() for file in own.files or ()):
        yield "Plimsoll's own licence is missing"


def _constraints() -> Iterator[str]:
    """What serves is pinned as it is installed."""
    for line in _CONSTRAINTS.read_text().splitlines():
        pin = re.match(r"([\w.-]+)==(\S+)", line)
        if pin and _version(pin[1]) != pin[2]:
            yield f"{_CONSTRAINTS} has {pin[0]}, installed is {_version(pin[1])}"
    if "starlette==" not in _CONSTRAINTS.read_text():
        yield f"{_CONSTRAINTS} does not hold what serves"


def _libraries() -> Iterator[str]:
    """Every shared library and program finds the libraries that it is linked with, as far as the base image did."""
    done = subprocess.run([sys.executable, _STEPS / "libraries.py"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        yield from done.stdout.splitlines() or [f"libraries.py ends with {done.returncode}"]


def _one_cuda() -> Iterator[str]:
    """Two copies of one library in a process end in errors that nobody understands."""
    seen: dict[str, Path] = {}
    for path, status in _files():
        if _CUDA.match(path.name) and stat.S_ISREG(status.st_mode):
            if path.name in seen:
                yield f"{path.name} is there twice: {seen[path.name]} and {path}"
            seen[path.name] = path


def _commands() -> Iterator[str]:
    for command in (["plimsoll", "--version"], ["plimsoll-install", "--help"], ["plimsoll", "healthcheck", "--help"]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            yield f"{' '.join(command)} ends with {done.returncode}: {done.stderr}"


def _serves() -> Iterator[str]:
    """A whole server, from its health check to an answer."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "score.py").write_text("def init(): pass\ndef run(data): return data.upper()\n")
        port = _free_port()
        flags = ["--entry-script", f"{folder}/score.py", "--model-dir", folder, "--host", "127.0.0.1", "--port", port]
        server = subprocess.Popen(["plimsoll", *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield from _answers(server, port)
        finally:
            server.terminate()
            said, _ = server.communicate()
    if server.returncode:
        yield f"the server ended with {server.returncode}: {said}"


def _free_port() -> str:
    """Some builders share the machine's network between steps that run at the same time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _answers(server: subprocess.Popen[str], port: str) -> Iterator[str]:
    asking = ["plimsoll", "healthcheck", "--port", port]
    while server.poll() is None and subprocess.run(asking, stdout=subprocess.DEVNULL).returncode:
        time.sleep(0.1)
    if server.poll() is None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/score", b"yes", {"content-type": "text/plain"})
        with urllib.request.urlopen(request) as answer:
            if (body := answer.read()) != b'"YES"':
                yield f"the server answers {body!r}"


def _versions(wanted: list[str]) -> Iterator[str]:
    for requirement in wanted:
        name, _, number = requirement.partition("==")
        if _version(name) is None or (number and _version(name) != number):
            yield f"{name} {number} is wanted, installed is {_version(name)}"


def _tensorflow() -> Iterator[str]:
    import tensorflow

    class Doubling(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None], tensorflow.float32)])
        def __call__(self, x: tensorflow.Tensor) -> tensorflow.Tensor:
            return x + x

    with tempfile.TemporaryDirectory() as folder:
        tensorflow.saved_model.save(Doubling(), folder)
        doubled = tensorflow.saved_model.load(folder)(tensorflow.constant([1.0, 2.0])).numpy().tolist()
    if doubled != [2.0, 4.0]:
        yield f"TensorFlow doubles 1 and 2 to {doubled}"
    layer = tensorflow.keras.layers.Dense(1, kernel_initializer="ones")
    if (result := float(layer(tensorflow.ones((1, 3)))[0, 0])) != 3.0:
        yield f"Keras adds three ones to {result}"


def _onnxruntime() -> Iterator[str]:
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(base64.b64decode(_ONNX_MODEL), providers=["CPUExecutionProvider"])
    doubled = session.run(None, {"x": numpy.array([1, 2], "float32")})[0].tolist()
    if doubled != [2.0, 4.0]:
        yield f"ONNX Runtime doubles 1 and 2 to {doubled}"


def _onnxruntime_gpu() -> Iterator[str]:
    import onnxruntime

    yield from _onnxruntime()
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        yield f"ONNX Runtime was built without CUDA: {onnxruntime.get_available_providers()}"


def _sklearn() -> Iterator[str]:
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression().fit([[0.0], [1.0]], [0, 1]).predict([[-9.0], [9.0]]).tolist()
    if found != [0, 1]:
        yield f"scikit-learn predicts {found} for 0 and 1"


_FRAMEWORKS = {
    "tensorflow": _tensorflow,
    "tensorflow-cpu": _tensorflow,
    "onnxruntime": _onnxruntime,
    "onnxruntime-gpu": _onnxruntime_gpu,
    "scikit-learn": _sklearn,
}


def _name(requirement: str) -> str:
    return requirement.partition("==")[0]


def _installed() -> list[Distribution]:
    return list(distributions())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _licence(found: Distribution) -> str:
    """In one line; many packages put the whole text where the name should stand."""
    metadata = found.metadata
    classifiers = [
        text.rpartition(":: ")[2] for text in metadata.get_all("Classifier", []) if text.startswith("License")
    ]
    classified = ", ".join(text.rpartition(":: ")[2] for text in classifiers)
    named = metadata["License-Expression"] or classified or metadata["License"] or ""
    files = [file.name for file in found.files or () if re.match(r"(?i)(licen[cs]e|copying|notice)", file.name)]
    return (named.strip().partition("\n")[0] or ", ".join(files)).strip()[:100]


def _files() -> Iterator[tuple[Path, os.stat_result]]:
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in _NOT_SEARCHED]
        for name in (*folders, *names):
            path = Path(folder, name)
            yield path, path.lstat()


def _size_bytes() -> int:
    sizes = {(status.st_dev, status.st_ino): status.st_size for _, status in _files() if stat.S_ISREG(status.st_mode)}
    return sum(sizes.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
