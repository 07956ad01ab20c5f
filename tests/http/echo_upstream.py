"""What nginx passes the requests of the corpus on to: answers as the script of `http_servers` does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from types import TracebackType

_CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (b"one ", b"two ", b"three", b""))


class Upstream:
    """``with Upstream() as upstream: upstream.port``; one request per connection, as nginx asks for by default."""

    def __init__(self) -> None:
        self._started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Upstream:
        self._thread.start()
        self.port, self._loop, self._over = self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        over = asyncio.Event()
        async with await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=1024) as server:
            self._started.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), over))
            await over.wait()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        fields: dict[bytes, bytes] = {}
        for name, _, value in (line.partition(b":") for line in lines):
            before = fields.get(name.lower())
            fields[name.lower()] = value.strip() if before is None else before + b"," + value.strip()
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if fields.get(b"x-want") == b"slow":
            await asyncio.sleep(0.005)
        method, target, _ = first.split(b" ")
        writer.write(_answer(method, target, fields, body))
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _answer(method: bytes, target: bytes, fields: Mapping[bytes, bytes], body: bytes) -> bytes:
    wanted = fields.get(b"x-want", b"")
    status = int(wanted) if wanted.isdigit() else 200
    probe = fields.get(b"x-probe", b"").hex().encode()
    lines = [b"HTTP/1.1 %d Said" % status, b"X-Method: " + method, b"X-Target: " + target, b"X-Probe: " + probe]
    if wanted == b"stream":
        lines.append(b"Transfer-Encoding: chunked")
        body = _CHUNKS
    elif status not in (204, 304):
        lines.append(b"Content-Length: %d" % len(body))
    else:
        body = b""
    return b"\r\n".join([*lines, b"", b"" if method == b"HEAD" else body])
