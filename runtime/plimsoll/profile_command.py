"""`plimsoll --profile`: from settings to a profile, its reports, its gates and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from plimsoll.declarations import declared
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.slo import parse_slo
from plimsoll.profiling.dataset.load import parse_format
from plimsoll.profiling.gates.check import Gates, check_gates, enforce, read_gates
from plimsoll.profiling.gpu.price import CpuRival, read_rival
from plimsoll.profiling.options import NAMED_BUDGETS_S, ProfileOptions
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.reverify import verify_profile
from plimsoll.reports.console import print_profile
from plimsoll.reports.progress import open_progress
from plimsoll.reports.publish import run_and_report, write_judged
from plimsoll.reports.tagging import check_taggable, tag_model
from plimsoll.server.gpus import plan_gpus
from plimsoll.server.paths import entry_spec
from plimsoll.settings import ProfileSettings, ServeSettings, flag, no_flag


def run_profile(serving: ServeSettings, profiling: ProfileSettings, sources: Mapping[str, str]) -> int:
    """`sources` says which settings were given and how. Returns the exit code."""
    gates = read_gates(profiling.fail_if, profiling.baseline, profiling.max_regression, profiling.require)
    _check_skipping(profiling)
    tagged = check_taggable(serving.model_dir) if profiling.tag_model else None
    options = _options(serving, profiling, sources)
    rival = _rival(profiling, options)
    with _told_when_interrupted(options.output_dir):
        result = _measured(options, profiling.verify, gates, rival)
    verdict = check_gates(result, gates)
    for line in verdict.lines():
        sys.stderr.write(f"plimsoll: {line}\n")
    print_profile(result, Console())
    if tagged is not None:
        tag_model(result, tagged)
    enforce(verdict)
    return result.exit_code


def _check_skipping(profiling: ProfileSettings) -> None:
    """What cannot be had without a verification is said before anything is measured."""
    if not profiling.skip_verification:
        return
    skip = flag("skip_verification")
    if profiling.verify is not None:
        raise UsageError(f"{skip} and {flag('verify')} exclude each other")
    if profiling.require not in (None, "estimated"):
        raise UsageError(f"{flag('require')} {profiling.require}: with {skip} the grade is estimated at most")


def _measured(options: ProfileOptions, verify: str | None, gates: Gates, rival: CpuRival | None) -> Profile:
    with open_progress(sys.stderr) as progress:
        if verify is None:
            amend = rival.amend if rival else None
            return run_and_report(options, progress, os.environ, sys.stdout, gates, amend)
        return write_judged(verify_profile(options, Path(verify), progress), options.output_dir, gates)


def _options(serving: ServeSettings, profiling: ProfileSettings, sources: Mapping[str, str]) -> ProfileOptions:
    from_flag = sources.get("entry_script", "").startswith("flag")
    script = entry_spec(serving, from_flag).entry_script
    return ProfileOptions(
        dataset=Path(str(profiling.profile)),
        server_arguments=_server_arguments(script, serving, sources),
        output_dir=Path(profiling.output),
        budget_s=_budget_s(profiling.budget),
        target_rps=profiling.target_rps,
        max_cpu_cores=profiling.max_cpu,
        max_memory_gb=profiling.max_memory_gb,
        content_type=profiling.content_type,
        format=parse_format(profiling.format),
        max_rows=profiling.max_rows,
        max_dataset_bytes=profiling.max_dataset_bytes,
        name=profiling.name or Path(script).stem,
        description=profiling.description,
        workers=_workers(serving, sources),
        threads=serving.threads,
        seed=profiling.seed,
        slo=parse_slo(profiling.slo) if profiling.slo else None,
        verify=not profiling.skip_verification,
        max_batch_size=serving.max_batch_size,
        search_workers="workers" not in sources,
        search_threads="threads" not in sources,
        search_batches="max_batch_size" not in sources,
    )


def _rival(profiling: ProfileSettings, options: ProfileOptions) -> CpuRival | None:
    if profiling.cpu_profile is None:
        return None
    return read_rival(Path(profiling.cpu_profile), profiling.gpu_price_ratio, options.slo)


def _workers(serving: ServeSettings, sources: Mapping[str, str]) -> int:
    """As the server decides: where nobody has said how many, each GPU gets one."""
    gpus = () if "workers" in sources else plan_gpus(serving.gpu, os.environ).gpus
    return len(gpus) or serving.workers


def _server_arguments(script: str, serving: ServeSettings, sources: Mapping[str, str]) -> list[str]:
    """The settings of this command as flags, for the server that is measured; it finds its own port.

    What came from the environment reaches it the same way.
    """
    own = {"entry_script", "host", "port", "health_port"}
    told = [name for name in declared(ServeSettings) if name not in own and name in sources]
    names = [name for name in told if not sources[name].startswith("environment ")]
    given = [("entry_script", script), *((name, getattr(serving, name)) for name in names)]
    return [part for name, value in given for part in _as_flag(name, value)]


def _as_flag(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (flag(name) if value else no_flag(name),)
    return (flag(name), str(value))


def _budget_s(text: str) -> float:
    try:
        return NAMED_BUDGETS_S[text] if text in NAMED_BUDGETS_S else float(text)
    except ValueError:
        names = ", ".join(NAMED_BUDGETS_S)
        raise UsageError(f"{flag('budget')} = {text!r}: neither one of {names} nor a number of seconds") from None


@contextmanager
def _told_when_interrupted(folder: Path) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        sys.stderr.write(f"plimsoll: interrupted; what was measured is in {folder}/profile.json\n")
        raise
