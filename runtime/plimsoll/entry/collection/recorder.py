"""Where a collector of the script leaves its records: with whoever runs the script, if that collects any."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from re import compile as pattern
from zlib import crc32

from plimsoll.entry.collection.events import COLLECTION, Events, ids_of, is_sampled, quoted

WARM_UP = "warmup"
"""In place of a request id: such a call is nobody's, and is not collected."""
NOT_SENT = "Too many records are waiting to be written; this one is dropped and counted."
SAMPLED_OUT = "dropped_sampling"
_MOST_NAMES = 256
_NO_RECORD = b"-"
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
        self._events: dict[str, tuple[bytes, Events]] = {}
        self._rate = sampling_rate
        self._names = None if names is None else frozenset(names)
        self._untagged = count()
        self._refused: set[str] = set()

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
        body = data.encode()
        more = b',"datacontenttype":"application/json","collectdatatype":%b,"contentrange":"bytes 0-%d/%d"' % (
            quoted(data_type),
            max(len(body) - 1, 0),
            len(body),
        )
        more += b"".join(_members(headers))
        folder, events = self._events.get(name) or self._begin(name)
        at_s = time.time() if at_s is None else at_s
        ids = ids_of(quoted(self.request_id()), quoted(correlation_id))
        line = events.line(at_s, ids, more, (b',"data":', body, b""))
        return self._put(folder, line)

    def refuse(self, name: str, error: Exception) -> None:
        """A record that cannot be written is sent as none: the front counts it as malformed."""
        is_new = name not in self._refused and len(self._refused) < _MOST_NAMES
        if is_new:
            self._refused.add(name)
            sys.stderr.write(f"a record of the collection {name!r} cannot be written as JSON: {error!r}\n")
        self._put(folder_of(name).encode(), _NO_RECORD)

    def _begin(self, name: str) -> tuple[bytes, Events]:
        """Names may be made of data: those that the front has no files for anyway are not kept."""
        folder = folder_of(name)
        made = folder.encode(), Events(name, self._source, f"{self._instance}-{folder}")
        return self._events.setdefault(name, made) if len(self._events) < _MOST_NAMES else made


def folder_of(name: str) -> str:
    """The name of a collection, as that of a folder: one that cannot be is told from those that look like it."""
    if COLLECTION.fullmatch(name):
        return name
    plain = "".join(one if one.isascii() and (one.isalnum() or one == "-") else "_" for one in name)
    return f"_{plain[:90]}-{crc32(name.encode('utf-8', 'surrogatepass')):08x}"


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
