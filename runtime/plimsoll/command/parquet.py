"""Collected events as a table: a column for each attribute that Azure ML's events have, and the data as text or bytes.

Read and written in pieces, so that the files may be larger than the memory. pyarrow is an extra.
"""

from __future__ import annotations

import importlib
import json
import os
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from plimsoll.errors import UsageError

_TEXT = ("id", "source", "type", "time", "datacontenttype", "correlationid", "xrequestid", "modelversion", "agent")
_REQUESTS = ("contentencoding", "httpmethod", "httptarget", "inferenceheadercontentlength")
_MORE = ("collectdatatype", "contentrange", *_REQUESTS)
_ROWS = 4096
_TYPE = "azureml.inference."


@dataclass(slots=True)
class Exported:
    files: int = 0
    records: int = 0
    torn: int = 0


def export(folder: Path, output: Path, collection: str | None) -> Exported:
    """Raises UsageError. What was written before a failure is removed."""
    arrow, parquet = _pyarrow()
    files = sorted(folder.rglob("*.jsonl")) if folder.is_dir() else [folder]
    if not files or not files[0].exists():
        raise UsageError(f"{folder}: holds no collected records", remedy="give the folder that --collect names")
    found, schema = Exported(len(files)), _schema(arrow)
    part = output.with_name(f".{output.name}.part")
    try:
        with parquet.ParquetWriter(part, schema) as writer:
            rows = _rows(files, collection, found)
            while piece := list(islice(rows, _ROWS)):
                writer.write_table(arrow.Table.from_pylist(piece, schema=schema))
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(f"{error.filename or output}: cannot be exported ({reason})") from None
    return found


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        remedy = "pip install 'plimsoll-runtime[parquet]'"
        raise UsageError("writing Parquet needs pyarrow, which is not installed", remedy=remedy) from None


def _schema(arrow: Any) -> Any:
    texts = [(name, arrow.string()) for name in (*_TEXT, *_MORE)]
    return arrow.schema(
        [("collection", arrow.string()), *texts, ("status", arrow.int32()), ("data", arrow.string())]
        + [("data_binary", arrow.binary())]
    )


def _rows(files: Iterable[Path], collection: str | None, found: Exported) -> Iterator[dict[str, Any]]:
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                row = _row(line)
                if row is None:
                    found.torn += 1
                elif collection is None or row["collection"] == collection:
                    found.records += 1
                    yield row


def _row(line: bytes) -> dict[str, Any] | None:
    """None for what is no event: a server may be writing its last line now."""
    try:
        event = json.loads(line)
        row: dict[str, Any] = {name: _text(event.get(name)) for name in (*_TEXT, *_MORE)}
        row |= {"collection": str(event["type"]).removeprefix(_TYPE), "status": _status(event)}
        return row | {"data": _data(event), "data_binary": _binary(event)}
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
        return None


def _text(value: Any) -> str | None:
    return None if value is None else _storable(str(value))


def _storable(text: str) -> str:
    """Raises ValueError of half a surrogate pair, which JSON can name and UTF-8 cannot."""
    text.encode()
    return text


def _status(event: dict[str, Any]) -> int | None:
    """Raises ValueError of what is no HTTP status."""
    status = event.get("status")
    if status is not None and not (type(status) is int and 0 <= status < 1000):
        raise ValueError(f"{status!r} is no status")
    return status


def _data(event: dict[str, Any]) -> str | None:
    """JSON as text, and text as it is."""
    if "data" not in event:
        return None
    data = event["data"]
    return _storable(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))


def _binary(event: dict[str, Any]) -> bytes | None:
    return b64decode(event["data_base64"]) if "data_base64" in event else None
