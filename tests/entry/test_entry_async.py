"""`async def run` and `async def init`: awaited on an event loop that belongs to the thread of the call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from entry_calls import Load, RunFresh, content, header, message, post, value

from plimsoll.entry.failures import BrokenScript


def test_both_functions_are_awaited(load: Load) -> None:
    script = load("""
        import asyncio
        async def init():
            global greeting
            await asyncio.sleep(0)
            greeting = "hello "
        async def run(data):
            await asyncio.sleep(0)
            return {"said": greeting + data}
    """)
    script.init()
    answer = script.run(post("you"))
    assert value(answer) == {"said": "hello you"}
    assert answer.run_function_failed is False


def test_the_time_in_run_includes_what_was_awaited(load: Load) -> None:
    script = load("import asyncio\ndef init(): pass\nasync def run(data): await asyncio.sleep(0.05)")
    run_s = script.run(post()).run_s
    assert run_s is not None
    assert 0.05 <= run_s < 20


def test_a_coroutine_of_a_plain_function_is_awaited_too(load: Load) -> None:
    script = load("""
        async def inner(data): return data * 2
        class Later:
            def __await__(self):
                yield from ()
                return "later"
        def init(): pass
        def run(data): return Later() if data == "x" else inner(data)
    """)
    assert value(script.run(post("ab"))) == "abab"
    assert value(script.run(post("x"))) == "later"


LOOPS = """
    import asyncio, threading
    loops, all_threads = {}, threading.Barrier(3)
    def init(): pass
    async def run(data):
        loop, first = asyncio.get_running_loop(), threading.get_ident() not in loops
        same = loops.setdefault(threading.get_ident(), loop) is loop
        if first: all_threads.wait(20)
        await asyncio.sleep(0.01)
        return [same, len({id(loop) for loop in loops.values()})]
"""


def test_each_thread_keeps_a_loop_of_its_own(load: Load) -> None:
    script = load(LOOPS)
    barrier = threading.Barrier(3)
    with ThreadPoolExecutor(3, initializer=barrier.wait) as pool:
        answers = [value(answer) for answer in pool.map(script.run, [post()] * 30)]
    assert all(same for same, _ in answers)
    assert max(count for _, count in answers) == 3


def test_a_thread_that_ends_cancels_what_its_loop_still_holds(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load("""
        import asyncio
        async def for_ever():
            try:
                await asyncio.Event().wait()
            finally:
                print("cancelled")
        def init(): pass
        async def run(data):
            global task
            task = asyncio.create_task(for_ever())
            await asyncio.sleep(0)
    """)
    thread = threading.Thread(target=script.run, args=[post()])
    thread.start()
    thread.join()
    assert capsys.readouterr().out == "cancelled\n"


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("1 / 0", "An unexpected error occurred in scoring script. Check the logs for more info."),
        ("raise SystemExit(2)", "An unexpected error occurred in scoring script. Check the logs for more info."),
        (
            "raise asyncio.CancelledError",
            "An unexpected error occurred in scoring script. Check the logs for more info.",
        ),
        ("await asyncio.wait_for(asyncio.sleep(9), 0.01)", "Scoring timeout after 3600000 ms"),
    ],
)
def test_failures_are_those_of_run_and_the_loop_lives_on(
    load: Load, statement: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"""
        import asyncio
        def init(): pass
        async def run(data):
            if data == "good": return data
            {statement}
    """)
    answer = script.run(post("bad"))
    assert (answer.status, message(answer), answer.run_function_failed) == (500, text, True)
    assert answer.is_error
    log = capsys.readouterr().err
    assert "score.py" in log
    assert "asyncio/runners.py" not in log
    assert value(script.run(post("good"))) == "good"


def test_a_failing_async_init_says_what_a_plain_one_says(load: Load) -> None:
    script = load("async def init(): raise ValueError('no weights')\ndef run(data): pass")
    with pytest.raises(BrokenScript, match=r"User's init function failed: .*score.py: ValueError: no weights"):
        script.init()


def test_run_may_still_use_asyncio_run_itself(load: Load) -> None:
    script = load("""
        import asyncio
        async def later(data): return data
        def init(): pass
        def run(data): return asyncio.run(later(data)) if data == "own" else later(data)
    """)
    assert [value(script.run(post(text))) for text in ("a", "own", "b")] == ["a", "own", "b"]


def test_server_sent_events_from_an_async_generator_in_a_response(load: Load) -> None:
    script = load("""
        import asyncio
        from plimsoll.entry import Response
        async def events():
            for number in range(3):
                await asyncio.sleep(0)
                yield f"data: {number}\\n\\n"
        def init(): pass
        async def run(data): return Response(events(), mimetype="text/event-stream")
    """)
    answer = script.run(post())
    assert not isinstance(answer.body, bytes)
    assert header(answer, "content-type") == ["text/event-stream; charset=utf-8"]
    assert content(answer) == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_asyncio_loads_with_the_first_awaitable_and_the_loop_closes_with_the_process(run_fresh: RunFresh) -> None:
    source = """
        import sys
        from pathlib import Path
        from plimsoll.entry.call import Call, Head
        from plimsoll.entry.script import Script
        from plimsoll.entry.spec import EntrySpec
        Path("score.py").write_text(
            "def init(): pass\\n"
            "async def chunks():\\n    try:\\n        yield 'a'\\n        yield 'b'\\n    finally: print('closed')\\n"
            "def run(data): return chunks()\\n"
        )
        script = Script.load(EntrySpec(str(Path("score.py").absolute()), str(Path.cwd())))
        print("asyncio" in sys.modules)
        kept = script.run(Call(Head(), b"")).body
        print(next(kept))
    """
    # A worker writes each line as it comes; what is printed at the very end would otherwise sit in a buffer.
    result = run_fresh(source, PYTHONUNBUFFERED="1")
    assert result.stdout == "False\nb'a'\nclosed\n", result.stderr
    assert result.stderr == ""
