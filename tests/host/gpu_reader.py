"""Run as a program: for every line on stdin, what `plimsoll.host.gpu.nvml` sees then, as one JSON line."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from plimsoll.host.gpu.nvml import Nvml, NvmlMissing


def main() -> None:
    try:
        nvml = Nvml.open()
    except NvmlMissing as missing:
        print(json.dumps({"missing": str(missing), "absent": missing.absent}))
        return
    with nvml:
        gpus = nvml.gpus()
        for _ in sys.stdin:
            said = {
                "driver": nvml.driver_version,
                "cuda": nvml.cuda_driver_version,
                "gpus": [asdict(gpu) for gpu in gpus],
                "used": [nvml.used_bytes(gpu) for gpu in gpus],
                "readings": [asdict(nvml.read(gpu)) for gpu in gpus],
                "troubles": nvml.troubles,
            }
            print(json.dumps(said), flush=True)


main()
