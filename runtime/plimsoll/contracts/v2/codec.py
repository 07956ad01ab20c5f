"""How a model worker serves the Open Inference Protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plimsoll.contracts.v2.answers import answer
from plimsoll.contracts.v2.refusals import JSON_TYPE, Refusal, error_body
from plimsoll.contracts.v2.request import InferRequest, SentTensor, parsed
from plimsoll.contracts.v2.scripts import Kind, kind_of
from plimsoll.contracts.v2.unframed import framed
from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.codec import Codec, LoadedScript
from plimsoll.entry.failures import log_line, one_line
from plimsoll.entry.http.headers import request_headers
from plimsoll.entry.inputs.arguments import Arguments
from plimsoll.entry.outputs.answers import RESULT_UNUSABLE, said_in
from plimsoll.entry.outputs.results import answer_of, is_answer
from plimsoll.entry.tensors.arrays import BadTensor, element_count, from_bytes, from_json
from plimsoll.entry.tensors.model import Unfit

_UNSENT = "The result of run() cannot be sent as tensors"


class TensorCodec:
    """A request's own part of the answer (id, outputs) travels with its head. Every array is a copy: run() owns it."""

    __slots__ = ("_kind", "_max_bytes", "_takes_headers")

    def __init__(self, kind: Kind, script: LoadedScript) -> None:
        self._kind = kind
        self._max_bytes = script.spec.max_body_bytes
        self._takes_headers = script.signature.takes_headers

    def read(self, call: Call) -> Arguments | Answer:
        try:
            request = parsed(call, self._max_bytes)
            if request.unframed is not None:
                request = framed(request, self._kind.inputs)
            arguments = self._arguments(request)
            call.head.keep(replace(request, inputs=()))  # which refer to the body
        except Refusal as refusal:
            return _refused(refusal)
        except BadTensor as refusal:
            return _refused(Refusal(str(refusal)))
        if self._takes_headers:
            arguments = arguments | {"request_headers": request_headers(call.head.headers)}
        return arguments

    def answer(self, result: Any, head: Head, run_s: float) -> Answer:
        if is_answer(result):
            return _answered(result, head, run_s)
        try:
            if isinstance(result, Unfit):
                raise Refusal(result.message, result.status)
            return answer(head.kept, self._kind.named(result), run_s)
        except Refusal as refusal:
            if refusal.status >= 500:
                log_line(f"{_UNSENT}: {one_line(refusal)}")
            return _refused(refusal)
        except Exception as failure:
            log_line(f"{_UNSENT}: {one_line(failure)}")
            return self.failed(RESULT_UNUSABLE, run_function_failed=False)

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        return _failed(message, run_function_failed=run_function_failed)

    def metadata(self) -> dict[str, Any]:
        return {
            "platform": self._kind.platform,
            "inputs": [one.described() for one in self._kind.inputs],
            "outputs": [one.described() for one in self._kind.outputs],
        }

    def _arguments(self, request: InferRequest) -> Arguments:
        for one in request.inputs:
            element_count(one.name, one.shape)
            self._kind.check(one)
        return self._kind.arguments({one.name: _array(one) for one in request.inputs}, request)


class RawCodec:
    """A script under @rawhttp speaks for itself."""

    def __init__(self, script: LoadedScript) -> None:
        self.read = script.read
        self.answer = _answered

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        return _failed(message, run_function_failed=run_function_failed)

    def metadata(self) -> dict[str, Any]:
        return {"platform": "python", "inputs": [], "outputs": []}


def make_codec(script: LoadedScript) -> Codec:
    kind = kind_of(script)
    return RawCodec(script) if kind is None else TensorCodec(kind, script)


def _answered(result: Any, head: Head, run_s: float) -> Answer:
    """As it is; what cannot be sent is said in the protocol's words."""
    found = answer_of(result, head, run_s)
    return _failed(said_in(found), run_function_failed=bool(found.run_function_failed)) if found.is_error else found


def _array(one: SentTensor) -> Any:
    if one.raw is not None:
        return from_bytes(one.name, one.datatype, one.shape, one.raw)
    return from_json(one.name, one.datatype, one.shape, one.data)


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, [("content-type", JSON_TYPE)], refusal.body, is_error=True)


def _failed(message: str, *, run_function_failed: bool) -> Answer:
    return Answer(500, [("content-type", JSON_TYPE)], error_body(message), run_function_failed, is_error=True)
