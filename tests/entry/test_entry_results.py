"""What becomes of the value that run() returns."""

from __future__ import annotations

import pytest
from entry_calls import Load, content, header, message, post

from plimsoll.entry.call import Answer

PRELUDE = """
import array, datetime, decimal
import numpy as np
class Odd(dict):
    def items(self): raise RuntimeError("odd")
loop = []; loop.append(loop)
def init(): pass
"""


def returned(load: Load, expression: str) -> Answer:
    return load(PRELUDE + f"def run(data): return {expression}").run(post("{}"))


@pytest.mark.parametrize(
    ("expression", "body"),
    [
        ("None", b"{}"),
        ("'text'", b'"text"'),
        ("'{\"a\": 1}'", b'"{\\"a\\": 1}"'),
        ("'é'", b'"\\u00e9"'),
        ("{'a': [1, 2.5, True, None]}", b'{"a": [1, 2.5, true, null]}'),
        ("({'a': 1}, 201)", b'[{"a": 1}, 201]'),
        ("{1: 'x'}", b'{"1": "x"}'),
        ("7", b"7"),
        ("False", b"false"),
        ("[float('nan'), float('inf')]", b"[NaN, Infinity]"),
        ("np.float64(1.5)", b"1.5"),
        ("np.float32(0.5)", b"0.5"),
        ("np.int64(3)", b"3"),
        ("np.bool_(True)", b"true"),
        ("np.arange(4).reshape(2, 2)", b"[[0, 1], [2, 3]]"),
        ("{'scores': np.array([0.5, np.nan])}", b'{"scores": [0.5, NaN]}'),
        ("[np.array(3)]", b"[3]"),
    ],
)
def test_json(load: Load, expression: str, body: bytes) -> None:
    answer = returned(load, expression)
    assert (answer.status, answer.body, answer.run_function_failed) == (200, body, False)
    assert header(answer, "content-type") == ["application/json"]
    assert answer.run_s is not None
    assert 0 <= answer.run_s < 5


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("[b'bytes']", "Object of type bytes is not JSON serializable"),
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("[(x for x in 'ab')]", "Object of type generator is not JSON serializable"),
        ("iter('ab')", "Object of type str_ascii_iterator is not JSON serializable"),
        ("datetime.datetime.now()", "Object of type datetime is not JSON serializable"),
        ("np.datetime64('2020-01-01T00:00:00.000000000')", "Object of type datetime64 is not JSON serializable"),
        ("np.complex64(1)", "Object of type complex is not JSON serializable"),
        ("array.array('i', [1])", "Object of type array is not JSON serializable"),
        ("np.longdouble(1)", "Object of type longdouble is not JSON serializable"),
        ("{(1, 2): 3}", "keys must be str"),
        ("loop", "Circular reference detected"),
        ("Odd(a=1)", "odd"),
    ],
)
def test_what_has_no_json_form_is_our_500_and_the_reason_goes_to_the_log(
    load: Load, expression: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = returned(load, expression)
    assert (answer.status, answer.run_function_failed, answer.run_s) == (500, False, None)
    assert answer.is_error
    assert message(answer) == "An unexpected internal error occurred. Check the logs for more info."
    log = capsys.readouterr().err
    assert reason in log
    assert "Traceback" not in log


@pytest.mark.parametrize("expression", ["b'a\\xff'", "bytearray(b'a\\xff')", "memoryview(b'_a\\xff_')[1:3]"])
def test_bytes_are_sent_as_they_are(load: Load, expression: str) -> None:
    answer = returned(load, expression)
    assert (answer.status, answer.body, answer.run_function_failed) == (200, b"a\xff", False)
    assert type(answer.body) is bytes
    assert header(answer, "content-type") == ["application/octet-stream"]
    assert not answer.is_error


def test_a_werkzeug_response_of_a_plain_script_is_sent_as_it_is(load: Load) -> None:
    script = load("""
        from werkzeug.wrappers import Response
        def init(): pass
        def run(data): return Response("tea", 418, {"X-Pot": "round"}, mimetype="text/tea")
    """)
    answer = script.run(post("{}"))
    assert (answer.status, content(answer), answer.run_function_failed) == (418, b"tea", None)
    assert header(answer, "x-pot") == ["round"]
    assert header(answer, "content-type") == ["text/tea; charset=utf-8"]
    assert answer.run_s is not None
