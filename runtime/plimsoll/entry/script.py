"""score.py, loaded: init() once, then run() per call, from as many threads as the worker has slots.

Runs inside a model worker. Knows nothing of processes, sockets or queues; what it imports, every
worker pays for in memory, so Werkzeug, numpy and asyncio come only with scripts that use them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from types import ModuleType
from typing import Any

from plimsoll.entry.batching.batches import Batches
from plimsoll.entry.batching.decorator import Batched, BatchRule, batched
from plimsoll.entry.call import Answer, Call
from plimsoll.entry.codec import Codec, LoadedScript, MakeCodec, Opened, OwnCodec
from plimsoll.entry.compat import fallbacks
from plimsoll.entry.failures import (
    BrokenScript,
    log_failure,
    log_line,
    model_listing,
    one_line,
    remedy_for,
    user_traceback,
)
from plimsoll.entry.flask.use import import_if_used, is_imported
from plimsoll.entry.forked import end_if_forked
from plimsoll.entry.http.raw import raw_requested
from plimsoll.entry.inputs.arguments import PlainReader, Reader, raw_reader
from plimsoll.entry.inputs.schema import SchemaReader, is_decorated
from plimsoll.entry.inputs.signature import Signature, UserFunction, find_functions, signature_of
from plimsoll.entry.loading.module import load_module, prepare_path
from plimsoll.entry.openapi import description as openapi
from plimsoll.entry.openapi.documents import Document
from plimsoll.entry.outputs.answers import RESULT_UNUSABLE, SCRIPT_FAILED
from plimsoll.entry.outputs.awaiting import resolved
from plimsoll.entry.outputs.results import CERTAINLY_JSON, settled
from plimsoll.entry.spec import EntrySpec
from plimsoll.entry.tensors.declared import declared
from plimsoll.entry.tensors.reader import TensorReader

_Run = Callable[[Call], Answer]
_RunBatch = Callable[[Sequence[Call]], list[Answer]]
_LATE_FLASK = (
    "Flask was first imported during a call. From the next one on jsonify, make_response, g and current_app work;"
    " import it at the top of the script, and the first call has them too, and the request."
)


class Script:
    """A loaded script. `needs_head` False: run() never looks at headers, so the front need not send them.

    Exceptions to that for a plain script: GET needs the target, and a form's POST its Content-Type.
    `batch`: how many calls run() takes at once, None where it takes one. `run` never raises for what the script
    does, SystemExit included: the worker and its other calls live on. A streamed body must be iterated on the same
    thread, and closed. A call that speaks another contract than Azure ML's goes through the codec that `speak` made.
    """

    __slots__ = (
        "_codecs",
        "_in_flask",
        "_init",
        "_module",
        "_own",
        "_raw",
        "_run",
        "_schema",
        "_signature",
        "_spec",
        "_timeout_ms",
        "_together",
        "_users_run",
        "batch",
        "needs_head",
        "run",
    )

    def __init__(
        self, spec: EntrySpec, module: ModuleType, init: UserFunction, run: UserFunction, timeout_ms: int
    ) -> None:
        self._signature = signature = signature_of(run, spec.entry_script)
        self._raw = raw = raw_requested()
        self._schema = schema = is_decorated(run)
        self._spec = spec
        self._module = module
        self._init = init
        self._run = self._users_run = run
        self._timeout_ms = timeout_ms
        self._in_flask = False
        tensors = declared(run)
        own = TensorReader(tensors, signature, spec.entry_script) if tensors else None
        self._own = OwnCodec(own or _reader(signature, spec.entry_script, raw=raw, schema=schema))
        self._codecs: dict[str, Codec] = {}
        self.needs_head = raw or schema or tensors is not None or signature.takes_headers
        found = batched(run)
        self.batch: BatchRule | None = found.rule if found else None
        self._together: _RunBatch | None = self._in_batches(found, converts=schema).run if found else None
        self.run: _Run = self._answer if self._together is None else self._alone

    @classmethod
    def load(cls, spec: EntrySpec, *, scoring_timeout_ms: int = 3_600_000, openers: Iterable[Opened] = ()) -> Script:
        """Raises `BrokenScript`, an EntryError. The timeout is only quoted here; the front enforces it.

        `openers` find init() and run() in scripts of other forms.
        """
        fallbacks.install()
        if spec.tf1_compat:
            from plimsoll.entry.compat.tf1 import install_tf1_compat

            install_tf1_compat()
        prepare_path(spec)
        module = load_module(spec.entry_script)
        opened = (opener(module, spec) for opener in openers)
        functions = next((found for found in opened if found is not None), None)
        init, run = functions or find_functions(module, spec.entry_script)
        return cls(spec, module, init, run, scoring_timeout_ms)

    def init(self) -> None:
        try:
            resolved(self._init())
        except BaseException as failure:
            end_if_forked(failure)
            report = user_traceback(failure) + model_listing(self._spec.model_dir)
            message = f"User's init function failed: {self._spec.entry_script}: {one_line(failure)}"
            raise BrokenScript(message, report=report, remedy=remedy_for(failure) or self._missing_model()) from None
        if import_if_used(self._spec.entry_script):
            self.needs_head = True
            self._put_into_flask()

    def speak(self, codecs: Mapping[str, MakeCodec]) -> dict[str, dict[str, Any]]:
        """Answers calls of these contracts too; after init(). What the front should know of the script, by contract."""
        loaded = LoadedScript(
            spec=self._spec,
            module=self._module,
            users_run=self._users_run,
            signature=self._signature,
            read=self._own.read,
            raw=self._raw,
            schema=self._schema,
            batched=self.batch is not None,
        )
        self._codecs = {name: make(loaded) for name, make in codecs.items()}
        return {name: codec.metadata() for name, codec in self._codecs.items()}

    def swaggers(self) -> dict[str, Document]:
        """By version; after init(), which may write the files. Raises `BrokenScript` for a file that is no JSON."""
        return openapi.documents(self._users_run, self._spec)

    def run_batch(self, calls: Sequence[Call]) -> list[Answer]:
        """One answer per call, in their order; as one run() where the script takes batches."""
        if self._together is not None:
            return self._together(calls)
        return [self.run(call) for call in calls]

    def _answer(self, call: Call) -> Answer:
        codec = self._codecs[call.head.contract] if call.head.contract else self._own
        try:
            arguments = codec.read(call)
        except Exception as failure:
            return self._unreadable(failure, call)
        if isinstance(arguments, Answer):
            return arguments
        started_s = perf_counter()
        try:
            result = self._run(**arguments)
            if type(result) not in CERTAINLY_JSON:
                result = settled(result)
        except BaseException as failure:
            return self._failed(failure, call)
        return codec.answer(result, call.head, perf_counter() - started_s)

    def _codec_of(self, call: Call) -> Codec:
        return self._codecs[call.head.contract] if call.head.contract else self._own

    def _unreadable(self, failure: Exception, call: Call) -> Answer:
        """What one request can cause, a lack of memory above all, must not end the worker and its other calls."""
        log_failure("A request could not be read:", failure)
        return self._codec_of(call).failed(RESULT_UNUSABLE, run_function_failed=False)

    def _alone(self, call: Call) -> Answer:
        return self.run_batch([call])[0]

    def _in_batches(self, found: Batched, *, converts: bool) -> Batches:
        if converts:
            return Batches(found.function, self._codec_of, self._unreadable, self._failed, convert=self._run)
        return Batches(self._run, self._codec_of, self._unreadable, self._failed)

    def _put_into_flask(self) -> None:
        """From the next call on run() has Flask's contexts; scripts without Flask do not even ask."""
        from plimsoll.entry.flask.calls import FlaskCalls  # which brings Werkzeug along

        flask = FlaskCalls(self._spec.entry_script, self._failed, sees_head=self.needs_head)
        self._in_flask = True
        if self._together is not None:
            self._together = flask.around_batch(self._together)
            return
        self._run = flask.processed(self._users_run)
        if self._raw:
            self._own.read = raw_reader(self._signature, flask.current_request)
        self.run = flask.around(self._answer)

    def _missing_model(self) -> str:
        model = self._spec.model_dir
        return "" if model is None or os.path.exists(model) else f"the model folder {model} does not exist"  # noqa: PTH110

    def _failed(self, failure: BaseException, call: Call) -> Answer:
        log_failure(f"run() of {self._spec.entry_script} failed:", failure)
        if not self._in_flask and is_imported():
            log_line(_LATE_FLASK)
            self._put_into_flask()
        timed_out = isinstance(failure, TimeoutError)
        message = f"Scoring timeout after {self._timeout_ms} ms" if timed_out else SCRIPT_FAILED
        return self._codec_of(call).failed(message, run_function_failed=True)


def _reader(signature: Signature, path: str, *, raw: bool, schema: bool) -> Reader:
    if raw and schema:
        raise BrokenScript(f"{path}: run() cannot be decorated with both @rawhttp and @input_schema")
    if raw:
        return raw_reader(signature)
    return SchemaReader(signature) if schema else PlainReader(signature)
