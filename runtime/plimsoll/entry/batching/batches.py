"""Several calls in one run(): decoded one by one, run together, answered one by one.

A call that cannot be decoded or converted never reaches run(). When run() fails for several, each is tried
again alone, from its bytes, so that one bad item spoils no other. A result that is not a list with one entry per
call is answered to nobody: a shifted list would give somebody else's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from plimsoll.entry.batching.decorator import collected
from plimsoll.entry.call import Answer, Call
from plimsoll.entry.codec import Codec
from plimsoll.entry.failures import log_failure, log_line
from plimsoll.entry.inputs.arguments import Arguments
from plimsoll.entry.inputs.signature import UserFunction
from plimsoll.entry.outputs.answers import RESULT_UNUSABLE, SCRIPT_FAILED
from plimsoll.entry.outputs.awaiting import resolved
from plimsoll.entry.outputs.results import settled
from plimsoll.errors import ScriptFailed

Failed = Callable[[BaseException, Call], Answer]
Unreadable = Callable[[Exception, Call], Answer]


class Batches:
    """`convert`: a run() whose decorators change the arguments of single calls. Bodies of answers are always bytes."""

    __slots__ = ("_codec_of", "_convert", "_failed", "_run", "_unreadable")

    def __init__(
        self,
        run: UserFunction,
        codec_of: Callable[[Call], Codec],
        unreadable: Unreadable,
        failed: Failed,
        convert: UserFunction | None = None,
    ) -> None:
        self._run = run
        self._codec_of = codec_of
        self._unreadable = unreadable
        self._failed = failed
        self._convert = convert

    def run(self, calls: Sequence[Call]) -> list[Answer]:
        read = [self._arguments(call) for call in calls]
        pairs = [(call, one) for call, one in zip(calls, read, strict=True) if not isinstance(one, Answer)]
        answers = iter(self._in_groups(pairs))
        return [one if isinstance(one, Answer) else next(answers) for one in read]

    def _arguments(self, call: Call) -> Arguments | Answer:
        try:
            arguments = self._codec_of(call).read(call)
        except Exception as failure:
            return self._unreadable(failure, call)
        if isinstance(arguments, Answer) or self._convert is None:
            return arguments
        try:
            return collected(self._convert, arguments)
        except BaseException as failure:
            return self._failed(failure, call)

    def _in_groups(self, pairs: list[tuple[Call, Arguments]]) -> list[Answer]:
        """Calls that bring the same parameters run together: those that leave one to its default run apart."""
        groups: dict[frozenset[str], list[int]] = {}
        for place, (_, arguments) in enumerate(pairs):
            groups.setdefault(frozenset(arguments), []).append(place)
        found: dict[int, Answer] = {}
        for places in groups.values():
            found.update(zip(places, self._together([pairs[place] for place in places]), strict=True))
        return [found[place] for place in range(len(pairs))]

    def _together(self, pairs: list[tuple[Call, Arguments]]) -> list[Answer]:
        started_s = perf_counter()
        try:
            results = resolved(self._run(**_columns([arguments for _, arguments in pairs])))
        except BaseException as failure:
            return self._alone(failure, [call for call, _ in pairs])
        run_s = perf_counter() - started_s
        if type(results) is not list or len(results) != len(pairs):
            log_line(f"run() under @batch must return a list of {len(pairs)} results, got {_described(results)}")
            return [self._codec_of(call).failed(RESULT_UNUSABLE, run_function_failed=False) for call, _ in pairs]
        return [self._answer(result, call, run_s) for (call, _), result in zip(pairs, results, strict=True)]

    def _alone(self, failure: BaseException, calls: list[Call]) -> list[Answer]:
        if len(calls) == 1:
            return [self._failed(failure, calls[0])]
        log_failure(f"run() failed for a batch of {len(calls)}; each request is tried alone:", failure)
        return [self.run([call])[0] for call in calls]

    def _answer(self, result: Any, call: Call, run_s: float) -> Answer:
        if isinstance(result, BaseException):
            return self._failed(result, call)
        codec = self._codec_of(call)
        try:
            return _whole(codec.answer(settled(result), call.head, run_s))
        except ScriptFailed:  # a stream, which has logged why
            return codec.failed(SCRIPT_FAILED, run_function_failed=True)
        except BaseException as failure:
            return self._failed(failure, call)


def _columns(rows: list[Arguments]) -> Arguments:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _whole(answer: Answer) -> Answer:
    if isinstance(answer.body, bytes):
        return answer
    body = b"".join(answer.body)
    return Answer(answer.status, answer.headers, body, answer.run_function_failed, answer.run_s)


def _described(results: Any) -> str:
    return f"a list of {len(results)}" if type(results) is list else type(results).__name__
