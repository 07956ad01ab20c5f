"""From start to the first answer of /score: the image against the bare process, in pairs.

python benchmarks/image_start.py [--image localhost/plimsoll:cpu] [--script onnx|tensorflow|sklearn] [--rounds N]

Needs the image (`make test-images` builds it) and a container engine. The ratio is formed within each round.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "images")]

from image_container import Limits  # noqa: E402
from image_engine import APP, SCORE, Engine, engine_folder, find_engine  # noqa: E402

from support.server import Client, Server  # noqa: E402


def main() -> None:
    options = _options()
    engine = find_engine(engine_folder(), print)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        maker = ROOT / "entry_scripts" / options.script / "make_model.py"
        subprocess.run([sys.executable, maker, model], check=True, stdout=subprocess.DEVNULL)
        body = _first_request(model)
        starts = _bare(options.script, Path(folder), model), _image(engine, options, model)
        ratios = []
        for _ in range(options.rounds):
            bare_s, image_s = (_first_answer_s(start, body) for start in starts)
            ratios.append(image_s / bare_s)
            print(f"bare {bare_s:5.2f} s   image {image_s:5.2f} s   ratio {ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="localhost/plimsoll:cpu")
    parser.add_argument("--script", default="onnx", choices=["onnx", "tensorflow", "sklearn"])
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


def _first_request(made: Path) -> bytes:
    lines = made / "requests.txt"
    return lines.read_bytes().splitlines()[0] if lines.exists() else min((made / "requests").iterdir()).read_bytes()


def _bare(script: str, folder: Path, made: Path) -> Callable[[], AbstractContextManager[Client]]:
    copied = folder / "score.py"
    copied.write_bytes((ROOT / "entry_scripts" / script / "score.py").read_bytes())
    return lambda: Server(copied, "--model-dir", str(made / "model"), wait=False)


def _image(engine: Engine, options: argparse.Namespace, made: Path) -> Callable[[], AbstractContextManager[Client]]:
    limits = Limits(mounts={ROOT / "entry_scripts" / options.script: APP, made / "model": "/model"})
    return lambda: engine.run(options.image, *SCORE, "--model-dir", "/model", limits=limits, wait=False)


def _first_answer_s(start: Callable[[], AbstractContextManager[Client]], body: bytes) -> float:
    begin_s = time.monotonic()
    with start() as server:
        while time.monotonic() - begin_s < 120:
            with contextlib.suppress(OSError):
                if server.post("/score", body).status == 200:
                    return time.monotonic() - begin_s
            time.sleep(0.01)
    raise SystemExit("there was no answer in two minutes")


if __name__ == "__main__":
    main()
