"""`data_collector` of an Azure ML deployment: honoured where `--collect` says into which folder."""

from __future__ import annotations

from plimsoll.deployment_file.found import Deployment, Said
from plimsoll.deployment_file.section import Section

_ROLLING = ("minute", "hour", "day")
_WITHOUT_FOLDER = "no data is collected; --collect FOLDER does that"


def read_collector(file: Section, found: Deployment, given: frozenset[str]) -> None:
    """What the platform refuses is refused, whether or not anything is collected."""
    if "collect" in given:
        _read_names(file, found)
    collector = file.section("data_collector")
    if collector is None:
        return
    collections = collector.section("collections")
    if collections is None:
        raise collector.error("collections", "missing", "the platform requires it")
    unused: list[tuple[str, str]] = []
    names = _read_collections(collections, unused)
    _read_rates(collector, unused)
    sampling = collector.number("sampling_rate")
    if sampling is not None and not 0 <= sampling <= 1:
        raise collector.error("sampling_rate", f"{sampling:g} is not between 0 and 1")
    collector.close()
    if "collect" not in given:
        found.ignore(file.place("data_collector"), _WITHOUT_FOLDER)
        return
    found.settings["collections"] = Said(",".join(names), collector.place("collections"))
    if sampling is not None:
        found.settings["collect_sampling_rate"] = Said(sampling, collector.place("sampling_rate"))
    for place, why in unused:
        found.ignore(place, why)


def _read_names(file: Section, found: Deployment) -> None:
    names = f"{found.settings['service_name'].value}/{found.settings['name'].value}"
    found.settings["collect_as"] = Said(names, file.place("name"))


def _read_rates(collector: Section, unused: list[tuple[str, str]]) -> None:
    rate = collector.text("rolling_rate")
    if rate is not None and rate.lower() not in _ROLLING:
        raise collector.error("rolling_rate", f"{rate!r} is not one of {', '.join(_ROLLING)}")
    if rate is not None and rate.lower() != "hour":
        unused.append((collector.place("rolling_rate"), "folders are by the hour"))
    logging = collector.section("request_logging")
    if logging is not None:
        logging.any("capture_headers")
        logging.close()
        unused.append((collector.place("request_logging"), "headers are not recorded"))


def _read_collections(collections: Section, unused: list[tuple[str, str]]) -> list[str]:
    """Those that are enabled."""
    names = []
    for name in collections.names():
        one = collections.section(name)
        if one is None:
            continue
        enabled = one.required("enabled")
        if enabled.lower() not in ("true", "false"):
            raise one.error("enabled", f"{enabled!r} is not one of 'true', 'false'")
        if one.any("data") is not None:
            unused.append((one.place("data"), "records lie below --collect, and no asset is registered"))
        one.text("client_id")
        one.close()
        if enabled.lower() == "true":
            names.append(name)
    return names
