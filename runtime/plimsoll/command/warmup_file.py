"""`--warmup`: the requests in a file, as calls that every worker runs before it is ready.

Stands above the server, because the readers of datasets are the profiler's.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from plimsoll.contracts.fronts import Fronts
from plimsoll.contracts.names import DEFAULT
from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import Row
from plimsoll.workers.frames import encode_head
from plimsoll.workers.spec import WarmUpCall

_MOST_ROWS = 256
_MOST_BYTES = 64 * 2**20


def read_warmup(path: Path, fronts: Fronts) -> tuple[WarmUpCall, ...]:
    """Rows for the scoring routes; of more than can be kept in memory those spread over the sizes.

    Raises DatasetError that names file and line.
    """
    rows = load_dataset(path, most_rows=_MOST_ROWS, most_bytes=_MOST_BYTES).rows
    found = (_call(row, fronts) for row in rows)
    calls = tuple(call for call in found if call is not None)
    if not calls:
        raise DatasetError(f"{path}: no row is for {fronts.main}, and warm-up calls nothing else")
    return calls


def _call(row: Row, fronts: Fronts) -> WarmUpCall | None:
    target = row.path or fronts.target
    route = fronts.scoring(unquote(target.partition("?")[0]))
    if route is None:
        return None
    own = (("host", "localhost"), ("content-type", row.content_type), ("content-length", str(len(row.body))))
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (*own, *row.headers)]
    contract = "" if route.front.name == DEFAULT else route.front.name
    head = encode_head(row.method, target.encode("latin-1"), "http", "", headers, contract)
    return WarmUpCall(row.number, head, row.body, row.expected_status)
