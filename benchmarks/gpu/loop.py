"""The framework alone: batch after batch in one process. Prints a JSON line for each size.

python -m benchmarks.gpu.loop DEVICE SIDE SECONDS SIZE…
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.gpu import models

_WARM_BATCHES = 5


def main(device: str, side: int, seconds: float, sizes: list[int]) -> None:
    predict = models.load(device, side)
    for size in sizes:
        given = b"".join(models.pictures(side, size))
        for _ in range(_WARM_BATCHES):
            predict(given)
        batches, begun_s = 0, time.perf_counter()
        while (elapsed_s := time.perf_counter() - begun_s) < seconds:
            predict(given)
            batches += 1
        print(
            json.dumps({"size": size, "pictures_per_s": batches * size / elapsed_s, "batch_s": elapsed_s / batches}),
            flush=True,
        )


if __name__ == "__main__":
    given_device, given_side, given_seconds, *given_sizes = sys.argv[1:]
    main(given_device, int(given_side), float(given_seconds), [int(size) for size in given_sizes])
