"""run() that raises: one answer for the client, the user's traceback for the log."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from entry_calls import Load, content, message, post, value

SCRIPT_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."
DEEP = """
import sys
def init(): pass
class Awkward(Exception):
    def __str__(self): raise ValueError("no text")
def helper(data): {statement}
def run(data): return helper(data)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "raise ValueError('secret')",
        "sys.exit(4)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "raise Awkward",
        "helper(data)",
        "1 / 0",
    ],
)
def test_it_answers_500_and_says_nothing_to_the_client(
    load: Load, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(DEEP.format(statement=statement))
    answer = script.run(post("{}"))
    assert (answer.status, answer.run_function_failed, answer.run_s) == (500, True, None)
    assert json.loads(content(answer)) == {"message": SCRIPT_FAILED}
    log = capsys.readouterr().err
    assert statement in log
    assert "in run" in log
    assert "plimsoll/entry" not in log


def test_a_timeout_error_is_called_a_scoring_timeout(load: Load, tmp_path: Path) -> None:
    answer = load("def init(): pass\ndef run(data): raise TimeoutError('socket')").run(post())
    assert (answer.status, message(answer)) == (500, "Scoring timeout after 3600000 ms")
    assert answer.run_function_failed is True


def test_a_stderr_that_the_script_broke_does_not_matter(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load("import sys\ndef init(): pass\ndef run(data): 1 / 0")
    monkeypatch.setattr("sys.stderr", None)
    assert script.run(post()).status == 500


def test_threads_do_not_disturb_each_other(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    script = load("""
        def init(): pass
        def run(data):
            if int(data) % 3 == 0: raise ValueError(data)
            return data
    """)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(script.run, [post(str(number)) for number in range(300)]))
    for number, answer in enumerate(answers):
        if number % 3:
            assert value(answer) == str(number)
        else:
            assert answer.status == 500
    assert capsys.readouterr().err.count("Traceback (most recent call last)") == 100
