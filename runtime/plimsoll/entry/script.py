"""score.py, loaded: init() once, then run() per call, from as many threads as the worker has slots.

Runs inside a model worker. Knows nothing of processes, sockets or queues; what it imports, every
worker pays for in memory, so Werkzeug and numpy come only with scripts that use them.
"""

from __future__ import annotations

from time import perf_counter

from plimsoll.entry import fallbacks
from plimsoll.entry.answers import SCRIPT_FAILED, message_answer
from plimsoll.entry.arguments import PlainReader, Reader, raw_reader
from plimsoll.entry.call import Answer, Call
from plimsoll.entry.failures import BrokenScript, log_failure, model_listing, one_line, user_traceback
from plimsoll.entry.loading import load_module, prepare_path
from plimsoll.entry.raw import raw_requested
from plimsoll.entry.results import answer_of
from plimsoll.entry.signature import Signature, UserFunction, find_functions, signature_of
from plimsoll.entry.spec import EntrySpec


class Script:
    """A loaded script. `needs_head` False: run() never looks at headers, so the front need not send them.

    Exceptions to that for a plain script: GET needs the target, and a form's POST its Content-Type.
    """

    __slots__ = ("_init", "_read", "_run", "_spec", "_timeout_ms", "needs_head")

    def __init__(
        self, spec: EntrySpec, init: UserFunction, run: UserFunction, read: Reader, *, needs_head: bool, timeout_ms: int
    ) -> None:
        self._spec = spec
        self._init = init
        self._run = run
        self._read = read
        self._timeout_ms = timeout_ms
        self.needs_head = needs_head

    @classmethod
    def load(cls, spec: EntrySpec, *, scoring_timeout_ms: int = 3_600_000) -> Script:
        """Raises `BrokenScript`, an EntryError. The timeout is only quoted here; the front enforces it."""
        fallbacks.install()
        prepare_path(spec)
        init, run = find_functions(load_module(spec.entry_script), spec.entry_script)
        signature = signature_of(run, spec.entry_script)
        raw = raw_requested()
        needs_head = raw or signature.takes_headers
        return cls(spec, init, run, _reader(signature, raw), needs_head=needs_head, timeout_ms=scoring_timeout_ms)

    def init(self) -> None:
        try:
            self._init()
        except BaseException as failure:
            report = user_traceback(failure) + model_listing(self._spec.model_dir)
            message = f"User's init function failed: {self._spec.entry_script}: {one_line(failure)}"
            raise BrokenScript(message, report=report) from None

    def run(self, call: Call) -> Answer:
        """Never raises for what the script does, SystemExit included: the worker and its other calls live on."""
        arguments = self._read(call)
        if isinstance(arguments, Answer):
            return arguments
        started_s = perf_counter()
        try:
            result = self._run(**arguments)
        except BaseException as failure:
            return self._failed(failure)
        return answer_of(result, call.head, perf_counter() - started_s)

    def _failed(self, failure: BaseException) -> Answer:
        log_failure(f"run() of {self._spec.entry_script} failed:", failure)
        timed_out = isinstance(failure, TimeoutError)
        message = f"Scoring timeout after {self._timeout_ms} ms" if timed_out else SCRIPT_FAILED
        return message_answer(500, message, run_function_failed=True)


def _reader(signature: Signature, raw: bool) -> Reader:
    return raw_reader(signature) if raw else PlainReader(signature)
