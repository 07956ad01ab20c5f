"""All settings of a command, where each came from, and the folder of the model.

Three of them set others. An inference configuration names the script and the app root, `--model` the model folder: what
they say ranks as if it had been set where they were: by a flag, by a variable of our own, or in the config file. From a
flag or a variable it precedes Azure's variables, two of which our images set; from the config file it comes after them,
like every key there. It gives way to what was itself set in its place or in one that takes precedence. A deployment
file comes after all of these (see plimsoll.command.deployed), then what the platform sets whose contract is spoken
(see plimsoll.contracts.platform), the tag beside the model, and last the queue, whose length the slots decide.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plimsoll.contracts.names import DEFAULT, parse
from plimsoll.contracts.platform import Start, chosen, defaults
from plimsoll.deployment_file.found import Deployment
from plimsoll.errors import UsageError
from plimsoll.settings.config_file import find_config
from plimsoll.settings.declarations import declared
from plimsoll.settings.model_tag import read_tag, source_of
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import ConfigFile, Place, came_by_flag, checked, place_of, resolve
from plimsoll.settings.serving import ServeSettings

_GIVEN_WAY = {False: (Place.NOWHERE,), True: (Place.NOWHERE, Place.AZURES_VARIABLE)}
"""What a platform precedes, by whether all contracts are others than Azure ML's, whose variables our images set."""


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """`sources` has what set each setting that is not at its default, `model_folder` is where a tag lies.

    `deployment` is what the deployment file says beside settings.
    """

    serving: ServeSettings
    profiling: ProfileSettings
    sources: Mapping[str, str]
    model_folder: Path | None = None
    deployment: Deployment | None = None


def read_settings(flags: Mapping[str, Any], start: Start) -> CommandSettings:
    """Links the models that are named, if the script is to find them. Raises UsageError."""
    environment = start.environment
    config = find_config(flags.get("config_file"), environment, _config_folders(flags, environment))
    settings, notes = _with_files(_resolved(flags, environment, config))
    for note in notes:
        sys.stderr.write(f"plimsoll: {note}\n")
    return _with_queue(_as_tagged(_with_models(_with_platform(settings, start))))


def _config_folders(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Path]:
    """Where a config file may lie that nobody has named: the app root, then beside the script."""
    settings = _resolved(flags, environment, None)
    with suppress(UsageError):  # a config file in the current folder may replace what is not on this machine
        settings, _ = _with_files(settings)
    root = Path(settings.serving.app_root or ".")
    yield root
    if script := settings.serving.entry_script:
        base = Path() if came_by_flag("entry_script", settings.sources) else root
        yield (base / script).parent


def _resolved(flags: Mapping[str, Any], environment: Mapping[str, str], config: ConfigFile | None) -> CommandSettings:
    serving, of_serving = resolve(ServeSettings, flags, environment, config)
    profiling, of_profiling = resolve(ProfileSettings, flags, environment, config)
    return CommandSettings(serving, profiling, of_serving | of_profiling)


def _with_files(settings: CommandSettings) -> tuple[CommandSettings, tuple[str, ...]]:
    """What the files say that settings name; and notes for the user."""
    settings, notes = _with_inference_config(settings)
    file = settings.profiling.deployment
    if not file:
        return settings, notes
    from plimsoll.command.deployed import with_deployment

    serving, profiling, sources, found = with_deployment(file, settings.serving, settings.profiling, settings.sources)
    changed = replace(settings, serving=serving, profiling=profiling, sources=sources, deployment=found)
    return changed, (*notes, *found.notes)


def _with_platform(settings: CommandSettings, start: Start) -> CommandSettings:
    """The contracts by their names, and what their platforms set."""
    contracts = chosen(settings.serving.contract, start)
    if contracts.value != settings.serving.contract:
        source = contracts.source or settings.sources.get("contract", contracts.source)
        settings = _with(settings, {"contract": contracts.value}, source)
    for name, said in defaults(contracts.value, start).items():
        setting = declared(ServeSettings)[name]
        if place_of(name, setting, settings.sources) in _GIVEN_WAY[DEFAULT not in parse(contracts.value)]:
            settings = _with(settings, {name: checked(setting, said.value, said.source)}, said.source)
    return settings


def _with_inference_config(settings: CommandSettings) -> tuple[CommandSettings, tuple[str, ...]]:
    """And notes for the user."""
    name, file = "inference_config_file", settings.profiling.inference_config_file
    if not file:
        return settings, ()
    from plimsoll.settings.inference_config import read_inference_config

    found = read_inference_config(Path(file), settings.sources[name])
    values = {one: value for one, value in found.settings.items() if _gives_way(one, name, settings)}
    return _with(settings, values, settings.sources[name]), found.notes


def _with_models(settings: CommandSettings) -> CommandSettings:
    name, texts = "model", settings.profiling.model
    if not texts:
        return _with_model_folder(_with_deployed_model(settings))
    from plimsoll.settings.inference_config import link_models, model_folder, parse_models

    source = settings.sources[name]
    models = parse_models(texts, source)
    if settings.serving.model_dir and not _gives_way("model_dir", name, settings):
        sys.stderr.write(f"plimsoll: {source} is not used: {settings.sources['model_dir']} takes precedence\n")
        return _with_model_folder(settings)
    links = link_models(models, Path(settings.profiling.output))
    return replace(_with(settings, {"model_dir": str(links)}, source), model_folder=model_folder(models))


def _with_deployed_model(settings: CommandSettings) -> CommandSettings:
    model = settings.deployment.model if settings.deployment else None
    if settings.deployment is None or model is None:
        return settings
    from plimsoll.settings.inference_config import link_models, model_folder

    models = {settings.deployment.model_name: model.value}
    try:
        links = link_models(models, Path(settings.profiling.output))
    except UsageError:
        # Nothing can be written there. What lies beside the model is seen too, as in a local run of Azure's.
        links = model.value.parent
    return replace(_with(settings, {"model_dir": str(links)}, model.place), model_folder=model_folder(models))


def _with_model_folder(settings: CommandSettings) -> CommandSettings:
    folder = settings.serving.model_dir
    return replace(settings, model_folder=settings.model_folder or (Path(folder) if folder else None))


def _gives_way(name: str, to: str, settings: CommandSettings) -> bool:
    """Whether the serving setting was not given in the place of the profiling setting, or one that precedes it."""
    place = place_of(name, declared(ServeSettings)[name], settings.sources)
    return place > place_of(to, declared(ProfileSettings)[to], settings.sources)


def _as_tagged(settings: CommandSettings) -> CommandSettings:
    """In the configuration that the tag beside the model recommends, unless a setting gives part of one."""
    names, folder = ("workers", "threads", "max_batch_size"), settings.model_folder
    tag = read_tag(folder) if folder is not None and not set(names) & set(settings.sources) else None
    if folder is None or tag is None:
        return settings
    values = {name: value for name in names if (value := getattr(tag, name)) is not None}
    return _with(settings, values, source_of(folder))


def _with_queue(settings: CommandSettings) -> CommandSettings:
    """What may wait while every slot runs a call; with a profile there is no such limit, which would hide the model.

    It needs the slots, which the tag may have set.
    """
    at_once = settings.deployment.requests_at_once if settings.deployment else None
    if at_once is None or "max_queue" in settings.sources:
        return settings
    waiting = max(0, at_once.value - settings.serving.workers * settings.serving.threads)
    if settings.profiling.profile is None:
        return _with(settings, {"max_queue": waiting}, at_once.place)
    why = f"what it refuses could not be measured (--max-queue {waiting})"
    sys.stderr.write(f"plimsoll: {at_once.place} is left out while profiling: {why}\n")
    return settings


def _with(settings: CommandSettings, values: Mapping[str, Any], source: str) -> CommandSettings:
    sources = {**settings.sources, **dict.fromkeys(values, source)}
    return replace(settings, serving=replace(settings.serving, **values), sources=sources)
