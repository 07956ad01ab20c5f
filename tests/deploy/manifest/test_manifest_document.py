"""The text: what a reader reads is what was written, and no number stands there without its reason."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plimsoll.deploy.manifest.document import Document, Noted, write
from plimsoll.errors import InternalError

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
SCALAR = st.one_of(
    st.booleans(), TEXT, st.sampled_from(["1e3", "0x1F", "yes", "n", "2026-01-01", "a: b", "- a", "# a", "~"])
)
NOTED = st.builds(Noted, st.one_of(st.integers(), SCALAR), TEXT.map("because {}".format))
TREE = st.recursive(
    st.one_of(SCALAR, NOTED),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXT, inner, max_size=3),
        st.builds(Noted, st.dictionaries(TEXT, inner, max_size=3), TEXT),
    ),
    max_leaves=12,
)


def plain(tree: Any) -> Any:
    if isinstance(tree, Noted):
        return plain(tree.value)
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return [plain(item) for item in tree] if isinstance(tree, list) else tree


@settings(deadline=None)  # how long an example takes is the machine's affair
@example([{"a": [{"\xa0": False}]}], "")  # a blank of another kind, which is part of the key
@given(st.lists(st.dictionaries(TEXT, TREE, min_size=1, max_size=4), min_size=1, max_size=3), TEXT)
def test_what_is_read_is_what_was_written(trees: list[dict[str, Any]], head: str) -> None:
    """PyYAML's parser knows nothing of this writer."""
    text = write(Document(tree, head) for tree in trees)
    assert [*yaml.safe_load_all(text)] == plain(trees)


@pytest.mark.parametrize("value", [5, 0.5, [5], {"a": [{"b": 5}]}])
def test_a_number_without_a_reason_is_refused(value: Any) -> None:
    with pytest.raises(InternalError, match="a number without a reason"):
        write([Document({"key": value})])


def test_a_reason_stands_behind_its_number_or_above_it() -> None:
    text = write([Document({"a": Noted(1, "short"), "b": [{"c": Noted(2, "long " * 40)}], "d": None})])
    assert text.splitlines()[:2] == ["a: 1  # short", "b:"]
    assert all(line.startswith("  # long") for line in text.splitlines()[2:-1])
    assert text.splitlines()[-1] == "  - c: 2"
    assert max(map(len, text.splitlines())) <= 120


def test_a_reason_cannot_become_content() -> None:
    """Names in it are the user's."""
    text = write([Document({"a": Noted(1, "x\nb: 2"), "c": Noted({"d": "e"}, "y\r\nf: 3")}, head="z\ng: 4")])
    assert yaml.safe_load(text) == {"a": 1, "c": {"d": "e"}}


@pytest.mark.parametrize("text", ["1e3", "0x1F", "0o17", "1_000", "12:30", "y", "NO", "on", "null", "1.", ".5", "+1"])
def test_what_any_reader_could_take_for_something_else_is_quoted(text: str) -> None:
    """YAML 1.1 and 1.2 differ in what a number is, and so do PyYAML and the parser of kubectl."""
    assert re.fullmatch(r"a: (\".*\"|'.*')\n", write([Document({"a": text})]))
