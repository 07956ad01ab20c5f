"""`@batch`: several calls in one run(), each with its own answer."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from entry_calls import Load, call, content, header, message, post, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll.entry import batch
from plimsoll.entry.batching.decorator import BatchRule, collected
from plimsoll.entry.failures import BrokenScript

FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."
UNUSABLE = "An unexpected internal error occurred. Check the logs for more info."
PRELUDE = "from plimsoll.entry import batch, rawhttp, Response\nsizes = []\ndef init(): pass\n"


def sizes() -> list[int]:
    from entry_module import sizes as seen  # type: ignore[import-not-found]

    return seen  # type: ignore[no-any-return]


def test_the_rule_is_known_and_run_gets_and_gives_lists(load: Load) -> None:
    script = load(PRELUDE + "@batch(max_size=8, max_wait_ms=2.5)\ndef run(data): return [len(data), *data[1:]]")
    assert script.batch == BatchRule(8, 2.5)
    answers = script.run_batch([post("a"), post("b"), post("c")])
    assert [value(answer) for answer in answers] == [3, "b", "c"]
    assert len({answer.run_s for answer in answers}) == 1
    assert value(script.run(post("alone"))) == 1


def test_without_the_decorator_calls_run_one_by_one(load: Load) -> None:
    script = load("def init(): pass\ndef run(data): return data")
    assert script.batch is None
    assert [value(answer) for answer in script.run_batch([post("a"), post("b")])] == ["a", "b"]


def test_the_function_can_still_be_called_directly(load: Load) -> None:
    load(PRELUDE + "@batch(max_size=8)\ndef run(data): return [text.upper() for text in data]")
    from entry_module import run  # type: ignore[import-not-found]

    assert run(["a"]) == run(data=["a"]) == ["A"]


def test_a_raw_script_gets_requests_and_may_answer_with_responses(load: Load) -> None:
    script = load(
        PRELUDE + "@rawhttp\n@batch(max_size=4)\n"
        "def run(requests): return [Response(r.method + r.args['q'], 201, {'x-q': r.args['q']}) for r in requests]"
    )
    get, posted, head = script.run_batch([call("GET", "/score?q=1"), call("POST", "/score?q=2"), call("HEAD", "/?q=3")])
    assert [(one.status, content(one), header(one, "x-q")) for one in (get, posted, head)] == [
        (201, b"GET1", ["1"]),
        (201, b"POST2", ["2"]),
        (201, b"", ["3"]),
    ]


def test_headers_are_a_list_like_everything_else(load: Load) -> None:
    script = load(
        PRELUDE + "@batch(max_size=4)\n"
        "def run(data, request_headers): return [h.get('X-N', '-') + d for d, h in zip(data, request_headers)]"
    )
    answers = script.run_batch([post("a", [("x-n", "1")]), post("b")])
    assert [value(answer) for answer in answers] == ["1a", "-b"]


def test_an_async_run_may_take_batches(load: Load) -> None:
    script = load(PRELUDE + "@batch(max_size=4)\nasync def run(data): return [d * 2 for d in data]")
    assert [value(answer) for answer in script.run_batch([post("a"), post("b")])] == ["aa", "bb"]


def test_what_cannot_be_decoded_never_reaches_run(load: Load) -> None:
    script = load(PRELUDE + "@batch(max_size=8)\ndef run(data):\n    sizes.append(len(data))\n    return list(data)")
    bad, good, head, options = script.run_batch([post(b"\xff"), post("b"), call("HEAD"), call("OPTIONS")])
    assert (bad.status, bad.is_error, head.status, options.status) == (400, True, 405, 200)
    assert value(good) == "b"
    assert sizes() == [1]
    assert script.run_batch([post(b"\xff")])[0].status == 400
    assert script.run_batch([]) == []
    assert sizes() == [1]


@pytest.mark.parametrize("result", ["data[1:]", "data + ['more']", "tuple(data)", "None", "'ab'", "(d for d in data)"])
def test_a_result_of_another_length_or_kind_is_answered_to_nobody(
    load: Load, result: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(PRELUDE + f"@batch(max_size=8)\ndef run(data): return {result}")
    answers = script.run_batch([post("secret"), post("other")])
    assert [(answer.status, message(answer), answer.is_error) for answer in answers] == [(500, UNUSABLE, True)] * 2
    assert "must return a list of 2 results, got " in capsys.readouterr().err


def test_an_exception_in_an_items_place_fails_that_item(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load(
        PRELUDE + "made = {'bad': ValueError('bad one'), 'late': TimeoutError()}\n"
        "@batch(max_size=8)\ndef run(data): return [made.get(d, d) for d in data]"
    )
    good, bad, late = script.run_batch([post("good"), post("bad"), post("late")])
    assert value(good) == "good"
    assert (bad.status, message(bad), bad.run_function_failed) == (500, FAILED, True)
    assert message(late) == "Scoring timeout after 3600000 ms"
    assert "ValueError: bad one" in capsys.readouterr().err


def test_an_item_that_cannot_be_sent_fails_alone(load: Load) -> None:
    script = load(PRELUDE + "@batch(max_size=8)\ndef run(data): return [{1, 2}, b'raw', Response('x', 204)]")
    odd, raw, empty = script.run_batch([post()] * 3)
    assert (odd.status, message(odd)) == (500, UNUSABLE)
    assert content(raw) == b"raw"
    assert empty.status == 204


@pytest.mark.parametrize("statement", ["raise ValueError('bad one')", "raise SystemExit", "data.clear(); 1 / 0"])
def test_a_run_that_raises_is_tried_again_item_by_item(
    load: Load, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(
        PRELUDE + "@batch(max_size=8)\ndef run(data):\n    sizes.append(len(data))\n"
        f"    if 'bad' in data: {statement}\n    return list(data)"
    )
    answers = script.run_batch([post("a"), post("bad"), post("c")])
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert (value(answers[0]), value(answers[2])) == ("a", "c")
    assert answers[1].run_function_failed
    assert sizes() == [3, 1, 1, 1]
    assert "failed for a batch of 3; each request is tried alone" in capsys.readouterr().err


def test_streams_in_a_batch_are_gathered(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load("""
        from plimsoll.entry import batch, Response
        def words(text):
            for word in text.split():
                if word == "bad": raise ValueError("bad word")
                yield word
        def init(): pass
        @batch(max_size=8)
        def run(data): return [Response(words(d)) if d.endswith("r") else words(d) for d in data]
    """)
    bodies = ["a b", "a bad", "a b r", "a bad r", "bad"]
    answers = script.run_batch([post(body) for body in bodies])
    assert [(answer.status, type(answer.body)) for answer in answers] == [
        (200, bytes),
        (500, bytes),
        (200, bytes),
        (500, bytes),
        (500, bytes),
    ]
    assert [answers[0].body, answers[2].body] == [b"ab", b"abr"]
    assert [answer.run_function_failed for answer in answers] == [False, True, None, True, True]
    assert capsys.readouterr().err.count("ValueError: bad word") == 3


ITEMS = st.sampled_from(["good", "exception", "raises", "unusable", "not utf-8"])
ECHO = (
    PRELUDE
    + """
import json
def one(text):
    item = json.loads(text)
    if item["kind"] == "exception": return LookupError(text)
    return {1} if item["kind"] == "unusable" else item["number"]
@batch(max_size=64)
def run(data):
    if any('"raises"' in text for text in data): raise ValueError
    return [one(text) for text in data]
"""
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(kinds=st.lists(ITEMS, max_size=12))
def test_every_call_gets_its_own_answer(load: Load, kinds: list[str]) -> None:
    script = load(ECHO) if "script" not in _cache else _cache["script"]
    _cache["script"] = script
    bodies = [json.dumps({"kind": kind, "number": number}).encode() for number, kind in enumerate(kinds)]
    calls = [post(b"\xff" if kind == "not utf-8" else body) for kind, body in zip(kinds, bodies, strict=True)]
    answers = script.run_batch(calls)
    assert len(answers) == len(kinds)
    for number, (kind, answer) in enumerate(zip(kinds, answers, strict=True)):
        if kind == "good":
            assert value(answer) == number
        else:
            assert answer.status == (400 if kind == "not utf-8" else 500)
            assert answer.is_error
            assert answer.run_function_failed is (kind in ("exception", "raises"))


_cache: dict[str, Any] = {}


def test_batches_on_several_threads_do_not_mix(load: Load) -> None:
    script = load(PRELUDE + "@batch(max_size=8)\ndef run(data): return list(data)")
    groups = [[f"{group}-{item}" for item in range(group % 8 + 1)] for group in range(200)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda group: script.run_batch([post(text) for text in group]), groups))
    assert [[value(answer) for answer in batch] for batch in answers] == groups


@pytest.mark.parametrize(
    ("decorator", "text"),
    [
        ("@batch", "ValueError: @batch needs the largest batch that run() takes, a whole number: @batch(max_size=8)"),
        ("@batch()", "ValueError: @batch needs the largest batch"),
        ("@batch(8)", "ValueError: @batch needs the largest batch"),
        ("@batch(max_size=0)", "ValueError: @batch needs the largest batch"),
        ("@batch(max_size=True)", "ValueError: @batch needs the largest batch"),
        ("@batch(max_size=2.0)", "ValueError: @batch needs the largest batch"),
        ("@batch(max_size=2, max_wait_ms=-1)", "max_wait_ms must be a number of milliseconds, 0 or more, not -1"),
        ("@batch(max_size=2, max_wait_ms='5')", "max_wait_ms must be a number of milliseconds, 0 or more, not '5'"),
        ("@batch(max_size=2, max_wait_ms=float('nan'))", "0 or more, not nan"),
        ("@batch(max_size=2, max_wait_ms=float('inf'))", "0 or more, not inf"),
    ],
)
def test_a_wrong_decoration_stops_the_start_with_its_line(load: Load, decorator: str, text: str) -> None:
    with pytest.raises(BrokenScript) as raised:
        load(PRELUDE + f"{decorator}\ndef run(data): return data")
    assert "score.py, line 4: " in str(raised.value)
    assert text in str(raised.value)


def test_only_functions_take_the_decorator() -> None:
    with pytest.raises(TypeError, match="@batch goes on a function, not on 7"):
        batch(max_size=2)(7)  # type: ignore[type-var]


def test_a_decorator_that_replaces_results_cannot_stand_above_a_schema_and_a_batch() -> None:
    with pytest.raises(TypeError, match="a decorator above @batch replaces what run\\(\\) returns"):
        collected(lambda data: data, {"data": 1})
