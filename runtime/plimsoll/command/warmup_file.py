"""`--warmup`: the requests in a file, as calls that every worker runs before it is ready.

Stands above the server, because the readers of datasets are the profiler's.
"""

from __future__ import annotations

from pathlib import Path

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import Row
from plimsoll.workers.frames import encode_head
from plimsoll.workers.spec import WarmUpCall

_MOST_ROWS = 256
_MOST_BYTES = 64 * 2**20
_ROUTE = "/score"


def read_warmup(path: Path) -> tuple[WarmUpCall, ...]:
    """Rows for the scoring route; of more than can be kept in memory those spread over the sizes.

    Raises DatasetError that names file and line.
    """
    rows = load_dataset(path, most_rows=_MOST_ROWS, most_bytes=_MOST_BYTES).rows
    calls = tuple(_call(row) for row in rows if row.path is None or row.path.partition("?")[0] == _ROUTE)
    if not calls:
        raise DatasetError(f"{path}: no row is for {_ROUTE}, and warm-up calls nothing else")
    return calls


def _call(row: Row) -> WarmUpCall:
    own = (("host", "localhost"), ("content-type", row.content_type), ("content-length", str(len(row.body))))
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (*own, *row.headers)]
    head = encode_head(row.method, (row.path or _ROUTE).encode("latin-1"), "http", "", headers)
    return WarmUpCall(row.number, head, row.body, row.expected_status)
