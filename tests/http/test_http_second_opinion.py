"""nginx, a server that nobody here has written, agrees with the corpus wherever docs/http.md does not say why not."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from corpus import THEMES
from corpus.case import Way
from nginx_differences import DIFFERENCES, is_explained
from second_opinion import differences, table


def test_nginx_differs_nowhere_without_an_explanation() -> None:
    found = differences([Way.WHOLE])
    for theme, names in found.items():
        unexplained = {name: what for name, what in names.items() if not is_explained(theme, name)}
        assert not unexplained, theme
    assert sum(map(len, found.values())) > 100, "nginx was not asked, or the corpus has lost its teeth"


def test_the_explanations_are_of_cases_and_stand_in_the_docs() -> None:
    for one in DIFFERENCES:
        for theme, names in one.cases.items():
            for name in names:
                assert any(fnmatchcase(case.name, name) for case in THEMES[theme]), f"{theme}: {name}"
    assert table() in (Path(__file__).parents[2] / "docs" / "http.md").read_text()
