"""run() as a generator: what it yields is sent piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from entry_calls import Load, call, content, header, message, post

from plimsoll.entry.call import Answer
from plimsoll.errors import ScriptFailed

KINDS = ["def", "async def"]
FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."


def chunks_of(answer: Answer) -> Iterator[bytes]:
    assert not isinstance(answer.body, bytes)
    return answer.body


@pytest.mark.parametrize("kind", KINDS)
def test_each_yield_is_one_chunk_and_is_made_when_it_is_asked_for(load: Load, kind: str) -> None:
    script = load(f"""
        made = []
        def init(): pass
        {kind} run(data):
            for chunk in ("one ", "zwei é ", "", b"three ", bytearray(b"four"), memoryview(b"!")):
                made.append(chunk)
                yield chunk
        def count(): return len(made)
    """)
    answer = script.run(post())
    assert (answer.status, answer.run_function_failed, answer.is_error) == (200, False, False)
    assert header(answer, "content-type") == ["text/plain; charset=utf-8"]
    assert answer.run_s is not None
    from entry_module import count  # type: ignore[import-not-found]

    body = chunks_of(answer)
    assert count() == 1
    assert next(body) == b"one "
    assert count() == 1
    assert next(body) == "zwei é ".encode()
    assert count() == 2
    assert list(body) == [b"three ", b"four", b"!"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_that_run_returns_is_streamed_too(load: Load, kind: str) -> None:
    script = load(f"""
        {kind} words(text):
            for word in text.split(): yield word
        def init(): pass
        {kind.replace("async ", "")} run(data): return words(data)
    """)
    assert list(chunks_of(script.run(post("a b c")))) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("statement", ["1 / 0", "yield 7", "yield None", "yield '\\udc80'"])
def test_a_failure_before_the_first_chunk_is_a_failure_of_run(
    load: Load, kind: str, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"def init(): pass\n{kind} run(data):\n    {statement}\n    yield 'never'")
    answer = script.run(post())
    assert (answer.status, message(answer), answer.run_function_failed) == (500, FAILED, True)
    assert "score.py failed" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("statement", ["1 / 0", "yield 7"])
def test_a_later_failure_ends_the_stream_with_an_error_and_is_logged(
    load: Load, kind: str, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"def init(): pass\n{kind} run(data):\n    yield 'a'\n    {statement}")
    body = chunks_of(script.run(post()))
    assert next(body) == b"a"
    with pytest.raises(ScriptFailed) as raised:
        next(body)
    assert str(raised.value) == FAILED
    assert "The stream of run() failed:" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_closing_ends_the_users_generator(
    load: Load, kind: str, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"""
        def init(): pass
        {kind} run(data):
            try:
                yield "a"
                yield "b"
            finally:
                print("released")
    """)
    body = chunks_of(script.run(post()))
    for _ in range(taken):
        next(body, None)
    body.close()  # type: ignore[attr-defined]
    assert capsys.readouterr().out == "released\n"
    assert list(body) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_stream_is_an_empty_body(load: Load, kind: str) -> None:
    script = load(f"def init(): pass\n{kind} run(data):\n    if data: yield data\n    yield ''")
    assert content(script.run(post())) == b""


def test_head_runs_a_raw_generator_but_sends_no_body(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load("""
        from plimsoll.entry import rawhttp
        def init(): pass
        @rawhttp
        def run(request):
            try:
                yield request.method
            finally:
                print("released")
    """)
    assert script.run(call("HEAD")).body == b""
    assert capsys.readouterr().out == "released\n"
    assert content(script.run(call("GET"))) == b"GET"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clean_up", ["1 / 0", "yield 'more'", "raise SystemExit"])
def test_clean_up_that_fails_is_logged_and_harms_nobody(
    load: Load, kind: str, clean_up: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"""
        def init(): pass
        {kind} run(data):
            try:
                yield "a"
                yield "b"
            finally:
                {clean_up}
    """)
    body = chunks_of(script.run(post()))
    next(body)
    body.close()  # type: ignore[attr-defined]
    assert "The stream of run() could not be closed:" in capsys.readouterr().err
    assert content(load("def init(): pass\ndef run(data): return data").run(post("next"))) == b'"next"'


def test_a_response_whose_clean_up_fails_is_logged(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load("""
        from plimsoll.entry import Response
        class Chunks:
            def __iter__(self): return iter(["a", "b"])
            def close(self): raise OSError("disk gone")
        def init(): pass
        def run(data): return Response(Chunks())
    """)
    assert content(script.run(post())) == b"ab"
    assert "OSError: disk gone" in capsys.readouterr().err
