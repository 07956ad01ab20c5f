"""What is claimed of GPUs: sentences with a bound, grouped by the step that tries them, in the order of their worth.

A run may be cut off at any moment, so what nobody can guess comes first: the size of a context, the driver's figures.
"""

from __future__ import annotations

from dataclasses import dataclass

MB = 1_000_000
GB = 1_000 * MB
BATCHES = (1, 8, 32, 64)


@dataclass(frozen=True, slots=True)
class Bound:
    """Both ends belong to it; None is no end."""

    low: float | None = None
    high: float | None = None

    def holds(self, figure: float) -> bool:
        return (self.low is None or figure >= self.low) and (self.high is None or figure <= self.high)

    def __str__(self) -> str:
        if self == YES:
            return "yes"
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        return f"≥ {self.low:g}" if self.low is not None else f"≤ {self.high:g}"


YES = Bound(1.0, 1.0)
TENTH = Bound(0.9, 1.1)


@dataclass(frozen=True, slots=True)
class Claim:
    """`unit` is empty for a share and for yes or no; `on_gpu`: without a GPU there is nothing to be tried."""

    key: str
    says: str
    bound: Bound
    unit: str = ""
    on_gpu: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """The module of that name in `steps`; it is ended after `limit_s`, on an H100 it takes much less."""

    name: str
    limit_s: float
    claims: tuple[Claim, ...]


_MACHINE = (
    Claim("driver", "the driver is new enough for a framework that is installed", YES),
    Claim("alone", "nobody else uses the card: in use before anything is started", Bound(high=0.02), "of the card"),
    Claim("room", "free before anything is started, the largest claim holds 11 GB", Bound(low=12), "GB"),
)
_CONTEXT = (
    Claim("context.bare", "a CUDA context is more than the 32 MiB that prove use", Bound(low=33.6), "MB"),
    Claim(
        "context.libraries",
        "with cuBLAS and cuDNN loaded, it is less than the 512 MiB kept free",
        Bound(high=537),
        "MB",
    ),
    Claim(
        "context.noise", "on an idle card, memory in use changes by less than what proves use", Bound(high=33.5), "MB"
    ),
    Claim("context.freed", "after SIGKILL the driver gives the memory back", Bound(high=5), "s"),
)
_NVML = (
    Claim("nvml.held", "memory in use rises by what PyTorch has allocated", Bound(0.98, 1.02), "of 2 GB"),
    Claim("nvml.process", "the driver lists a process by its own number", YES),
    Claim("nvml.process_bytes", "and what it says of that process is what the card rose by", TENTH, "of the rise"),
    Claim("nvml.unprivileged", "a user who is not root sees the same processes with the same memory", YES),
    Claim("nvml.busy", "utilisation while kernels run without a pause", Bound(low=0.95)),
    Claim("nvml.idle", "utilisation while nothing runs", Bound(high=0.05)),
    Claim("nvml.energy", "energy counted over 3 s of work, against mean power times time", TENTH, "of it"),
    Claim("nvml.poll", "one reading of everything, a tenth of the pause between two", Bound(high=10), "ms"),
    Claim("nvml.poll_cpu", "CPU of ten readings a second, and thirty of memory alone", Bound(high=0.01), "of a core"),
    Claim("smi.identity", "name, UUID, driver and memory are those of nvidia-smi", YES),
    Claim("smi.used", "memory in use, against nvidia-smi", Bound(high=2), "MiB apart"),
    Claim("smi.power", "power, against nvidia-smi", Bound(0.8, 1.2), "of it"),
    Claim("smi.heat", "temperature, against nvidia-smi", Bound(high=3), "°C apart"),
    Claim("torch.total", "total memory, against PyTorch", Bound(0.97, 1.03), "of it"),
)
_PEAKS = tuple(
    Claim(f"peaks.{length_ms}", f"peaks of {length_ms} ms that a profile sees", Bound(low=least))
    for length_ms, least in ((100, 0.9), (50, 0.9), (20, 0.1))
)
_REQUIRED = (
    Claim("required.ready", "--gpu required: ready with a script on the GPU", YES),
    Claim("required.cpu", "--gpu required: a script that stays on the CPU ends the server with code 3", YES),
    Claim("required.hidden", "--gpu required: CUDA_VISIBLE_DEVICES='' ends the server with code 3", YES, on_gpu=False),
    Claim("metrics", "/metrics has every figure of docs/gpu.md, and memory in use is the driver's", YES),
    Claim(
        "warmup",
        "with --warmup the first answer takes as long as the median",
        Bound(high=1.5),
        "times the median",
        on_gpu=False,
    ),
)
_FAULTS = (
    Claim("oom.status", "device out of memory: 500 for that call", YES, on_gpu=False),
    Claim("oom.lost", "and of the calls beside it as many are lost", Bound(high=0), "calls", on_gpu=False),
    Claim("killed.ready", "a worker that was killed: the next one is ready", Bound(high=60), "s later", on_gpu=False),
    Claim("killed.freed", "and the card holds as much as before", Bound(high=64), "MB apart"),
    Claim("endless.status", "a kernel that never ends: 504 for that call", YES, on_gpu=False),
    Claim("endless.gone", "and its process is gone", Bound(high=10), "s later", on_gpu=False),
    Claim("endless.freed", "and the card holds as much as before", Bound(high=64), "MB apart"),
)
_TRUTHS = (
    Claim("truth.hold", "profile: holds 2 GB, needed against allocator plus context", TENTH, "of it"),
    Claim(
        "truth.compute",
        "profile: computes for 5 ms, latency against the script's own clock",
        TENTH,
        "of it",
        on_gpu=False,
    ),
    Claim("truth.heavy", "profile: 10 GB, and 1 GB for one row, needed against allocator plus context", TENTH, "of it"),
    Claim("truth.growth", "profile: memory that grows by 10 MB in 100 requests, growth against that", TENTH, "of it"),
    Claim(
        "truth.grab", "profile: takes most of the card and needs 3 GB, needed against that plus context", TENTH, "of it"
    ),
    Claim("truth.idle", "profile: a GPU that idles is a reason of the grade", YES),
)
_SERVING = (
    *(
        Claim(
            f"serving.{size}",
            f"ResNet-50, batches of {size}: served, against the framework's own loop",
            Bound(low=0.9),
            on_gpu=False,
        )
        for size in BATCHES
    ),
    Claim(
        "serving.p99",
        "p99 at 70 % of that rate, batches of up to 32",
        Bound(high=2),
        "times the loop's batch of 32",
        on_gpu=False,
    ),
    Claim("serving.workers", "two workers on one card, one by one, against one", Bound(low=1), on_gpu=False),
)
_MODEL = (
    Claim("fit.8", "profile: time of a batch of 8 by the fitted line, against the loop", TENTH, "of it", on_gpu=False),
    Claim(
        "fit.64", "profile: time of a batch of 64 by the fitted line, against the loop", TENTH, "of it", on_gpu=False
    ),
    Claim("price", "profile: GPU against CPU, a GPU as 8 vCPUs: the cheaper one is recommended", YES),
)

STEPS = (
    Step("machine", 90, _MACHINE),
    Step("context", 60, _CONTEXT),
    Step("nvml", 80, _NVML),
    Step("peaks", 60, _PEAKS),
    Step("required", 75, _REQUIRED),
    Step("faults", 90, _FAULTS),
    Step("truths", 150, _TRUTHS),
    Step("serving", 150, _SERVING),
    Step("model", 110, _MODEL),
)
MOST_S = 530.0
"""For all steps together: the whole is to end within nine minutes, its own start and end included."""
