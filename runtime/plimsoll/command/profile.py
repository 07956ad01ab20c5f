"""`plimsoll --profile`: from settings to a profile, its reports, its gates and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from plimsoll.contracts.spoken import spoken
from plimsoll.deploy.holding import holding_lines
from plimsoll.deployment_file.found import Target
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.slo import parse_slo
from plimsoll.profiling.dataset.load import parse_format
from plimsoll.profiling.gates.check import Gates, enforce, gate_line, read_gates
from plimsoll.profiling.gpu.price import CpuRival, read_rival
from plimsoll.profiling.measure.command import NOT_SERVED, arguments_of
from plimsoll.profiling.options import NAMED_BUDGETS_S, ProfileOptions
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.reverify import verify_profile
from plimsoll.reports.console import print_profile
from plimsoll.reports.profile_tag import check_taggable, tag_model
from plimsoll.reports.progress import open_progress
from plimsoll.reports.publish import run_and_report, write_judged
from plimsoll.server.auth import ApiKeys
from plimsoll.server.gpu.selection import plan_gpus
from plimsoll.server.startup.paths import entry_spec
from plimsoll.settings.model_tag import source_of
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import came_by_flag, flag
from plimsoll.settings.serving import ServeSettings
from plimsoll.warning import warn


def run_profile(
    serving: ServeSettings,
    profiling: ProfileSettings,
    sources: Mapping[str, str],
    model_folder: Path | None,
    target: Target | None = None,
) -> int:
    """`sources` says which settings were given and how, `model_folder` where a tag lies. Returns the exit code.

    `target`: where a deployment file would have the model run.
    """
    gates = read_gates(profiling.fail_if, profiling.baseline, profiling.max_regression, profiling.require)
    _check_skipping(profiling)
    tagged = check_taggable(model_folder) if profiling.tag_model else None
    _warn_of_what_is_not_served(sources)
    options = _options(serving, profiling, sources, _chosen(sources, model_folder))
    rival = _rival(profiling, options)
    with _told_when_interrupted(options.output_dir):
        result = _measured(options, profiling.verify, gates, rival)
    for gate in result.gates:
        sys.stderr.write(f"plimsoll: {gate_line(gate)}\n")
    print_profile(result, Console())
    for line in holding_lines(options.output_dir / "profile.json", target) if target else ():
        sys.stdout.write(f"deploy: {line}\n")
    if tagged is not None:
        tag_model(result, tagged)
    enforce(result.gates)
    return result.exit_code


def _warn_of_what_is_not_served(sources: Mapping[str, str]) -> None:
    if "tls_cert" in sources:
        warn(f"{flag('tls_cert')} is left out while profiling: {NOT_SERVED['tls_cert']}")
    if "collect" in sources:
        warn(f"{flag('collect')} is another folder while profiling: {NOT_SERVED['collect']}")


def _chosen(sources: Mapping[str, str], model_folder: Path | None) -> Container[str]:
    """What the user has set. A tag is what an earlier profile found, and not to be kept for that."""
    tag = None if model_folder is None else source_of(model_folder)
    return {name for name, source in sources.items() if source != tag}


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


def _options(
    serving: ServeSettings, profiling: ProfileSettings, sources: Mapping[str, str], chosen: Container[str]
) -> ProfileOptions:
    """`chosen`: the settings that are not to be varied."""
    script = entry_spec(serving, came_by_flag("entry_script", sources)).entry_script
    serving = _with_worker_per_gpu(serving, sources)
    timeout_s = serving.scoring_timeout_ms / 1000 if "scoring_timeout_ms" in sources else None
    return ProfileOptions(
        dataset=Path(str(profiling.profile)),
        server_arguments=arguments_of(script, serving, sources),
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
        workers=serving.workers,
        threads=serving.threads,
        seed=profiling.seed,
        request_timeout_s=timeout_s,
        gpu=serving.gpu,
        headers=_headers(serving),
        slo=parse_slo(profiling.slo) if profiling.slo else None,
        verify=not profiling.skip_verification,
        max_batch_size=serving.max_batch_size,
        search_workers="workers" not in chosen,
        search_threads="threads" not in chosen,
        search_batches="max_batch_size" not in chosen,
        max_queue=serving.max_queue,
        scoring_timeout_s=serving.scoring_timeout_ms / 1000,
        grace_s=serving.grace_seconds,
        spoken=spoken(serving, os.environ),
        recorded=profiling.arrivals == "recorded",
        collects=serving.collect is not None,
    )


def _rival(profiling: ProfileSettings, options: ProfileOptions) -> CpuRival | None:
    if profiling.cpu_profile is None:
        return None
    return read_rival(Path(profiling.cpu_profile), profiling.gpu_price_ratio, options.slo)


def _with_worker_per_gpu(serving: ServeSettings, sources: Mapping[str, str]) -> ServeSettings:
    """As the server decides: where nobody has said how many, each GPU gets one."""
    gpus = () if "workers" in sources else plan_gpus(serving.gpu, os.environ).gpus
    return replace(serving, workers=len(gpus)) if gpus else serving


def _headers(serving: ServeSettings) -> tuple[tuple[str, str], ...]:
    """By which the server lets the load in; raises UsageError for a key file that cannot be used."""
    if not serving.api_keys_file:
        return ()
    return (("authorization", f"Bearer {ApiKeys(serving.api_keys_file).first()}"),)


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
