"""Raw requests of our own, by theme, each with the section of the RFC that decides it and its right outcome."""

from __future__ import annotations

from collections.abc import Mapping

from corpus import (
    bodies,
    chunked,
    early_answers,
    expect,
    fields,
    framing,
    half_close,
    host,
    methods,
    pipelining,
    smuggling,
    targets,
    trailers,
    upgrade,
    versions,
)
from corpus.case import Case

_MODULES = (
    framing,
    smuggling,
    chunked,
    trailers,
    upgrade,
    expect,
    targets,
    host,
    fields,
    methods,
    versions,
    pipelining,
    half_close,
    early_answers,
    bodies,
)
THEMES: Mapping[str, tuple[Case, ...]] = {module.__name__.rpartition(".")[2]: module.CASES for module in _MODULES}
