"""A tensor of 600 KB by the Open Inference Protocol: `python -m benchmarks.v2_infer [FOLDER_OF_MLSERVERS_ENVIRONMENT]`.

Compared, in turns, with the same bytes as the body of a @rawhttp script, and with MLServer, which over HTTP takes
tensors in JSON alone. CPU is that of all processes of a server. The figures in docs/contracts-v2.md come from here.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

_COUNT = 150_000
_CONNECTIONS = 4
_TURN_S = 2.0
_TURNS = 7
_RAW = """
import numpy as np
from plimsoll.entry import rawhttp
def init(): pass
@rawhttp
def run(request):
    return {"size": np.frombuffer(request.get_data(), "<f4").size}
"""
_TENSOR = """
import numpy as np
from plimsoll.entry import Tensor, signature
def init(): pass
@signature(inputs=[Tensor("x", "FP32", [-1])], outputs=[Tensor("size", "INT64", [1])])
def run(x):
    return np.array([x.size])
"""
_THEIRS = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
class Size(MLModel):
    async def predict(self, payload):
        size = np.array([NumpyCodec.decode_input(payload.inputs[0]).size])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("size", size)])
"""


@dataclass(frozen=True)
class Asked:
    port: int
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Turn:
    cpu_us: float
    per_s: float


def turn(asked: Asked, process: psutil.Process) -> Turn:
    """All connections ask for a while, each when it has its answer."""
    before, began = _cpu_s(process), time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        counts = list(pool.map(lambda _: _ask(asked, began + _TURN_S), range(_CONNECTIONS)))
    return Turn((_cpu_s(process) - before) / sum(counts) * 1e6, sum(counts) / (time.perf_counter() - began))


def _ask(asked: Asked, end_s: float) -> int:
    connection, count = http.client.HTTPConnection("127.0.0.1", asked.port, timeout=60), 0
    while time.perf_counter() < end_s:
        connection.request("POST", asked.path, asked.body, asked.headers)
        reply = connection.getresponse()
        if reply.status != 200 or b"%d" % _COUNT not in reply.read():
            raise RuntimeError(f"{asked.path} answered {reply.status}")
        count += 1
    connection.close()
    return count


def _cpu_s(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


@contextmanager
def _plimsoll(folder: Path, source: str, port: int, *flags: str) -> Iterator[psutil.Process]:
    (folder / "score.py").write_text(source)
    with _running(
        [sys.executable, "-m", "plimsoll", "--port", str(port), *flags], folder, port, "/health/ready"
    ) as one:
        yield one


@contextmanager
def _mlserver(folder: Path, home: Path, port: int) -> Iterator[psutil.Process]:
    (folder / "size_model.py").write_text(_THEIRS)
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2, "host": "127.0.0.1"}
    (folder / "settings.json").write_text(json.dumps(ports))
    model = {"name": "model", "implementation": "size_model.Size"}
    (folder / "model-settings.json").write_text(json.dumps(model))
    with _running([str(home / "bin" / "mlserver"), "start", "."], folder, port, "/v2/health/ready") as one:
        yield one


@contextmanager
def _running(command: list[str], folder: Path, port: int, health: str) -> Iterator[psutil.Process]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        while not _is_ready(port, health):
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _is_ready(port: int, health: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", health)
        return connection.getresponse().status == 200
    except OSError:
        return False


def _requests(ports: list[int]) -> dict[str, Asked]:
    array = np.random.default_rng(7).random(_COUNT, "float32")
    data, infer = array.tobytes(), "/v2/models/model/infer"
    tensor = {"name": "x", "shape": [_COUNT], "datatype": "FP32"}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}]}).encode()
    text = json.dumps({"inputs": [{**tensor, "data": array.tolist()}]}).encode()
    framed = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    return {
        "raw": Asked(ports[0], "/score", data, {"content-type": "application/octet-stream"}),
        "v2": Asked(ports[1], infer, head + data, framed),
        "v2 json": Asked(ports[1], infer, text, {"content-type": "application/json"}),
        "mlserver json": Asked(ports[2], infer, text, {"content-type": "application/json"}),
    }


def main(home: Path | None) -> None:
    ports = [18_200, 18_210, 18_220]
    asked = _requests(ports)
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in ports]
        raw = stack.enter_context(_plimsoll(folders[0], _RAW, ports[0]))
        tensors = stack.enter_context(_plimsoll(folders[1], _TENSOR, ports[1], "--contract", "v2"))
        servers = {"raw": raw, "v2": tensors, "v2 json": tensors}
        if home is not None:
            servers["mlserver json"] = stack.enter_context(_mlserver(folders[2], home, ports[2]))
        turns = [{name: turn(asked[name], one) for name, one in servers.items()} for _ in range(_TURNS)]
    for name in servers:
        cpu, rate = (statistics.median(value(one[name]) for one in turns) for value in (_cpu, _rate))
        print(f"{name}: {cpu:.0f} us of CPU per request, {rate:.0f} requests per second")
    print(f"CPU, v2 to raw: {_ratio(turns, 'v2', 'raw', _cpu):.2f}")
    if home is not None:
        for name in ("v2", "v2 json"):
            print(f"throughput, {name} to MLServer: {_ratio(turns, name, 'mlserver json', _rate):.1f}")


def _cpu(one: Turn) -> float:
    return one.cpu_us


def _rate(one: Turn) -> float:
    return one.per_s


def _ratio(turns: list[dict[str, Turn]], ours: str, theirs: str, value: Callable[[Turn], float]) -> float:
    """The median of the turns' own ratios: what else the machine does is the same for both of a turn."""
    return statistics.median(value(one[ours]) / value(one[theirs]) for one in turns[1:])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
