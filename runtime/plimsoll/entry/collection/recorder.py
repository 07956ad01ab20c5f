"""Where a collector of the script leaves its records: with whoever runs the script, if that collects any."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from re import compile as pattern

from plimsoll.entry.collection.events import COLLECTION, Events, ids_of, is_sampled, quoted

WARM_UP = "warmup"
"""In place of a request id: such a call is nobody's, and is not collected."""
NOT_SENT = "Too many records are waiting to be written; this one is dropped and counted."
SAMPLED_OUT = "dropped_sampling"
_OFF = "model data is not collected: the server was started without --collect FOLDER\n"
_OWN = frozenset(
    {"specversion", "source", "agent", "modelversion", "id", "type", "time", "correlationid", "xrequestid"}
)
_OWN_TOO = frozenset({"datacontenttype", "collectdatatype", "contentrange", "data", "data_base64", "status"})
_NOT_A_NAME = pattern(r"[^a-z0-9]")


class Recorder:
    """`put` takes the name of a collection and a line, and never blocks: False where it had to drop it."""

    def __init__(
        self,
        put: Callable[[bytes, bytes], bool],
        source: str,
        instance: str,
        sampling_rate: float,
        names: Iterable[str] | None,
        request_id: Callable[[], str],
    ) -> None:
        self.request_id = request_id
        self._put = put
        self._source = source
        self._instance = instance
        self._events: dict[str, Events] = {}
        self._rate = sampling_rate
        self._names = None if names is None else frozenset(names)
        self._untagged = count()

    def takes(self, name: str) -> bool:
        return self._names is None or name.lower() in self._names

    def samples(self, name: str) -> bool:
        """Whether a record made now is kept; data are turned into text only where it is."""
        request_id = self.request_id()
        if not self.takes(name) or request_id == WARM_UP:
            return False
        return is_sampled(request_id or f"{next(self._untagged)}", self._rate)

    def record(
        self, name: str, correlation_id: str, data: str, data_type: str, at_s: float | None, headers: Mapping[str, str]
    ) -> bool:
        """`data` is JSON on one line."""
        folder, body = folder_of(name), data.encode()
        more = b',"datacontenttype":"application/json","collectdatatype":%b,"contentrange":"bytes 0-%d/%d"' % (
            quoted(data_type),
            max(len(body) - 1, 0),
            len(body),
        )
        more += b"".join(_members(headers))
        events = self._events.get(folder) or Events(folder, self._source, f"{self._instance}-{folder}")
        events = self._events.setdefault(folder, events)
        at_s = time.time() if at_s is None else at_s
        ids = ids_of(quoted(self.request_id()), quoted(correlation_id))
        line = events.line(at_s, ids, more, (b',"data":', body, b""))
        return self._put(folder.encode(), line)


def folder_of(name: str) -> str:
    """The name of a collection, as that of a folder."""
    if COLLECTION.fullmatch(name):
        return name
    return "".join(one if one.isascii() and (one.isalnum() or one in "_-") else "_" for one in name)[:100]


def _members(headers: Mapping[str, str]) -> Iterable[bytes]:
    """What the script adds to a context; CloudEvents allows small letters and digits in a name."""
    for key, value in headers.items():
        name = _NOT_A_NAME.sub("", str(key).lower())
        if name and name not in _OWN and name not in _OWN_TOO:
            yield b",%b:%b" % (quoted(name), quoted(str(value)))


_recorder: Recorder | None = None
_told = False
_telling = threading.Lock()


def install(recorder: Recorder) -> None:
    """From now on this process collects."""
    global _recorder
    _recorder = recorder


def recorder() -> Recorder | None:
    """None where nothing is collected, which is said once."""
    if _recorder is None:
        _say_off()
    return _recorder


def _say_off() -> None:
    global _told
    with _telling:
        told, _told = _told, True
    if not told:
        sys.stderr.write(_OFF)
