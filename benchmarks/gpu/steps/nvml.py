"""Every figure that is taken from the driver's library, against nvidia-smi, PyTorch and arithmetic."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import fmean

from benchmarks.folders import ROOT
from benchmarks.gpu.claims import GB
from benchmarks.gpu.holder import Holder
from benchmarks.gpu.served import child_environment
from benchmarks.gpu.stage import NotTried, Stage
from benchmarks.gpu.steps.context import used_bytes
from plimsoll.host.gpu.nvml import Gpu, GpuReading, Nvml

_HELD_BYTES = 2 * GB
_BUSY_S, _WORK_S, _POLLS = 3.0, 4.5, 100
_POLLS_PER_S, _GLANCES_PER_S = 10, 30
_NOBODY = 65534
_LIST = (
    "from plimsoll.host.gpu.nvml import Nvml\n"
    "with Nvml.open() as n:\n"
    "    r = n.read(n.gpus()[0])\n"
    "print(sorted((p.pid, p.used_bytes) for p in r.processes or ()))"
)
_SMI = "name,uuid,driver_version,memory.total,memory.used,power.draw,temperature.gpu"


def run(stage: Stage) -> None:
    stage.run(
        {
            ("nvml.poll", "nvml.poll_cpu"): _polls,
            ("nvml.held", "nvml.process", "nvml.process_bytes", "nvml.unprivileged"): _held,
            ("nvml.idle", "nvml.busy", "nvml.energy"): _work,
            ("smi.identity", "smi.used", "smi.power", "smi.heat"): _smi,
            ("torch.total",): _total,
        }
    )


def _polls(stage: Stage) -> None:
    with stage.gpu() as (nvml, gpu), Holder(stage.device, stage.folder):
        read_s, read_cpu_s = _each(lambda: nvml.read(gpu))
        glance_s, glance_cpu_s = _each(lambda: nvml.used_bytes(gpu))
    stage.tell("nvml.poll", read_s * 1e3, f"mean of {_POLLS}; memory in use alone {glance_s * 1e3:.2f} ms")
    stage.tell("nvml.poll_cpu", read_cpu_s * _POLLS_PER_S + glance_cpu_s * _GLANCES_PER_S)


def _each(ask: Callable[[], object]) -> tuple[float, float]:
    """Seconds and CPU seconds of one call."""
    begun_s, begun_cpu_s = time.perf_counter(), time.thread_time()
    for _ in range(_POLLS):
        ask()
    return (time.perf_counter() - begun_s) / _POLLS, (time.thread_time() - begun_cpu_s) / _POLLS


def _held(stage: Stage) -> None:
    stage.check_room(_HELD_BYTES + GB)
    with stage.gpu() as (nvml, gpu), Holder(stage.device, stage.folder) as holder:
        with_context = used_bytes(nvml, gpu)
        holder.hold(_HELD_BYTES)
        now = used_bytes(nvml, gpu)
        stage.tell("nvml.held", (now - with_context) / _HELD_BYTES)
        processes = nvml.read(gpu).processes
        if processes is None:
            raise NotTried("the driver does not list processes")
        sizes = {one.pid: one.used_bytes for one in processes}
        numbers = f"this one is {holder.pid}, listed are {sorted(sizes) or 'none'}"
        stage.tell("nvml.process", holder.pid in sizes, numbers)
        with stage.part("nvml.process_bytes"):
            _check_size(stage, sizes.get(holder.pid))
        with stage.part("nvml.unprivileged"):
            listed = _listed(root=True)
            if not listed:
                raise NotTried("the driver lists no processes here, to nobody")
            stage.tell("nvml.unprivileged", listed == _listed(root=False), f"root: {listed}")


def _check_size(stage: Stage, size_bytes: int | None) -> None:
    if size_bytes is None:
        raise NotTried("the driver does not say what the process holds")
    context_bytes = stage.facts.get("context_bytes")
    if context_bytes is None:
        raise NotTried("the size of a context is not known: the step context did not find it")
    stage.tell("nvml.process_bytes", size_bytes / (_HELD_BYTES + context_bytes))


def _listed(*, root: bool) -> str:
    """As the same user sees it, or as nobody."""
    if os.geteuid():
        raise NotTried("this is not run by root, who alone can become another user")
    user = {} if root else {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    command = [sys.executable, "-c", _LIST]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", env=child_environment({}), timeout=20, **user
    )  # type: ignore[call-overload]
    if done.returncode:
        raise NotTried(f"as nobody: {done.stderr.strip().splitlines()[-1]}")
    return str(done.stdout).strip()


def _work(stage: Stage) -> None:
    with stage.gpu() as (nvml, gpu), Holder(stage.device, stage.folder) as holder:
        holder.begin("compute", 0.01)
        holder.end()
        time.sleep(2.0)  # the driver's utilisation is a mean over up to a second
        stage.tell("nvml.idle", _utilisation(nvml.read(gpu)))
        holder.begin("compute", _WORK_S)
        time.sleep(1.0)
        readings, begun_s = [nvml.read(gpu)], time.monotonic()
        while (passed_s := time.monotonic() - begun_s) < _BUSY_S:
            time.sleep(0.1)
            readings.append(nvml.read(gpu))
        holder.end()
        stage.tell("nvml.busy", fmean(map(_utilisation, readings)), f"{len(readings)} readings in {_BUSY_S:.0f} s")
        _check_energy(stage, readings, passed_s)


def _check_energy(stage: Stage, readings: list[GpuReading], seconds: float) -> None:
    first, last, power = readings[0].energy_j, readings[-1].energy_j, [one.power_w for one in readings]
    if first is None or last is None or None in power:
        raise NotTried("the driver does not report power or energy")
    watts = fmean(one for one in power if one is not None)
    stage.tell("nvml.energy", (last - first) / (watts * seconds), f"mean power {watts:.0f} W")


def _utilisation(reading: GpuReading) -> float:
    if reading.utilisation is None:
        raise NotTried("the driver does not report utilisation")
    return reading.utilisation


def _smi(stage: Stage) -> None:
    with stage.gpu() as (nvml, gpu), Holder(stage.device, stage.folder) as holder:
        holder.begin("compute", 4.0)
        time.sleep(1.5)
        said = _ask_smi(gpu)
        reading = nvml.read(gpu)
        holder.end()
        _compare(stage, nvml, gpu, reading, said)


def _ask_smi(gpu: Gpu) -> list[str]:
    command = ["nvidia-smi", "-i", gpu.uuid, f"--query-gpu={_SMI}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        raise NotTried("there is no nvidia-smi here") from None
    if done.returncode:
        raise NotTried(f"nvidia-smi ended with code {done.returncode}: {done.stdout.strip()}")
    return [word.strip() for word in done.stdout.strip().split(",")]


def _compare(stage: Stage, nvml: Nvml, gpu: Gpu, reading: GpuReading, said: list[str]) -> None:
    name, uuid, driver, total_mib, *_ = said
    used_mib, power_w, heat_c = (_number(word) for word in said[4:])
    ours = [gpu.name, gpu.uuid, nvml.driver_version, str((gpu.total_bytes or 0) // 2**20)]
    theirs = [name, uuid, driver, total_mib]
    command = f"nvidia-smi --query-gpu={_SMI} --format=csv"
    stage.tell("smi.identity", ours == theirs, "" if ours == theirs else f"{ours} and {theirs}", command)
    with stage.part("smi.used"):
        stage.tell("smi.used", abs(_told(reading.used_bytes) / 2**20 - _told(used_mib)), f"{used_mib} MiB", command)
    with stage.part("smi.power"):
        stage.tell("smi.power", _told(reading.power_w) / _told(power_w), f"{power_w} W", command)
    with stage.part("smi.heat"):
        stage.tell("smi.heat", abs(_told(reading.temperature_c) - _told(heat_c)), f"{heat_c} °C", command)


def _number(word: str) -> float | None:
    """nvidia-smi writes `[N/A]` for what it does not know."""
    try:
        return float(word)
    except ValueError:
        return None


def _told(value: float | None) -> float:
    if value is None:
        raise NotTried("the driver or nvidia-smi does not report it")
    return value


def _total(stage: Stage) -> None:
    if stage.device != "cuda":
        raise NotTried("PyTorch sees no GPU here")
    code = "import torch; print(torch.cuda.mem_get_info()[1])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40, cwd=ROOT)
    if done.returncode:
        raise NotTried(f"PyTorch: {done.stderr.strip().splitlines()[-1]}")
    with stage.gpu() as (_, gpu):
        stage.tell("torch.total", (gpu.total_bytes or 0) / int(done.stdout), f"{int(done.stdout)} bytes, {code}")
