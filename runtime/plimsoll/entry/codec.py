"""How one scoring contract makes arguments of a call, and an answer of what run() returned.

Azure ML's is what scripts are written for, and the one here (`OwnCodec`); others come from plimsoll.contracts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.inputs.arguments import Arguments, Reader
from plimsoll.entry.inputs.signature import Signature, UserFunction
from plimsoll.entry.outputs.answers import message_answer
from plimsoll.entry.outputs.results import answer_of
from plimsoll.entry.spec import EntrySpec


class Codec(Protocol):
    def read(self, call: Call) -> Arguments | Answer:
        """Arguments of run(), by keyword; or the answer, where the call never reaches it."""

    def answer(self, result: Any, head: Head, run_s: float) -> Answer:
        """Of what run() returned, which is awaited by now. Never raises."""

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        """Status 500 and what says so: run() raised, or its result cannot be sent."""

    def metadata(self) -> dict[str, Any]:
        """What the front should know of the script, as JSON."""


@dataclass(frozen=True, slots=True)
class LoadedScript:
    """A script after its init(), as far as codecs ask. `raw`: under @rawhttp; `schema`: inference-schema's decorators.

    `read` is the reader of its own contract.
    """

    spec: EntrySpec
    module: ModuleType
    users_run: UserFunction
    signature: Signature
    read: Reader
    raw: bool
    schema: bool
    batched: bool


MakeCodec = Callable[[LoadedScript], Codec]
Opened = Callable[[ModuleType, EntrySpec], tuple[UserFunction, UserFunction] | None]
"""init() and run() of a script of another form than Azure ML's; None where it is not of that form."""


class OwnCodec:
    """Azure ML's; `metadata` is the script's affair, which describes its API by version."""

    __slots__ = ("answer", "read")

    def __init__(self, read: Reader) -> None:
        self.read = read
        self.answer = answer_of

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        return message_answer(500, message, run_function_failed=run_function_failed)

    def metadata(self) -> dict[str, Any]:
        return {}
