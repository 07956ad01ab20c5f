"""Requests that a server has recorded, with their times of arrival: what plimsoll collects (CloudEvents in Azure ML's
layout, Azure's own files among them), and the data capture of Amazon SageMaker.

A folder is read with all its files. Rows come in the order of arrival; a row's number is its line, counted over all.
Of collected events the requests are taken; what else lies there, answers and the script's own collections, is not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from plimsoll.entry.collection.events import is_json
from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.arrivals import arrival_of, spread
from plimsoll.profiling.dataset.envelope import FIELD_VALUE, METHODS, TARGET
from plimsoll.profiling.dataset.rows import BINARY_TYPE, JSON_TYPE, TEXT_TYPE, Row
from plimsoll.profiling.dataset.sampling import Sampler

_REQUEST = "azureml.inference.request"
_EVENT_KEYS = {"specversion", "type", "source", "id"}
_CAPTURE_KEYS = {"captureData", "eventMetadata"}
_RAW_DATA = b',"data":'
_OURS = "plimsoll/"
_ENCODINGS = {"JSON": JSON_TYPE, "CSV": "text/csv", "BASE64": BINARY_TYPE, "": TEXT_TYPE}
"""Of SageMaker, and the content type of what says none."""
_OTHERWISE = "--format lines sends every line as it is"
_REMEDY = f"remove the line; {_OTHERWISE}"
Event = dict[str, Any]
RowOf = Callable[[int, Event, bytes], Row | None]


def read_collected(path: Path, sampler: Sampler) -> list[Row]:
    return _read(path, sampler, _collected, "a collected request (type azureml.inference.request)")


def read_data_capture(path: Path, sampler: Sampler) -> list[Row]:
    return _read(path, sampler, _data_capture, "an endpointInput of a data capture")


def recorded_format(path: Path) -> str | None:
    """What the first line of a file, or of a folder's first file, shows it to be: collected, sagemaker or neither."""
    try:
        first = next(iter(_lines(path)), None)
        event = json.loads(first[2]) if first is not None else None
    except (ValueError, RecursionError, OSError):
        return None
    if not isinstance(event, dict):
        return None
    if set(event) >= _EVENT_KEYS and str(event["type"]).startswith("azureml.inference."):
        return "collected"
    return "sagemaker" if set(event) >= _CAPTURE_KEYS else None


def _read(path: Path, sampler: Sampler, row_of: RowOf, wanted: str) -> list[Row]:
    rows = sampler.sample(lambda: _rows(path, row_of))
    if not rows:
        raise DatasetError(f"{path}: holds no line with {wanted}", remedy=_OTHERWISE)
    return spread(rows)


def _rows(path: Path, row_of: RowOf) -> Iterator[Row]:
    for number, (file, line_number, line) in enumerate(_lines(path), 1):
        where = f"{file}, line {line_number}"
        try:
            event = json.loads(line)
            row = row_of(number, event, line)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError) as error:
            if not line.endswith(b"\n"):
                continue  # the last line of a file that a server still writes, or could not finish
            raise DatasetError(f"{where}: not a recorded request, {_why(error)}", remedy=_REMEDY) from None
        if row is not None:
            yield row


def _lines(path: Path) -> Iterator[tuple[Path, int, bytes]]:
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield file, number, line


def _collected(number: int, event: Event, line: bytes) -> Row | None:
    if event["type"] != _REQUEST:
        return None
    method, target = event.get("httpmethod", "POST"), event.get("httptarget")
    if method == "HEAD":  # its answer promises a body that never comes
        return None
    if method not in METHODS or not (target is None or TARGET.fullmatch(target)):
        raise ValueError(f"{method!r} {target!r} cannot be sent")
    return Row(
        number=number,
        body=_body(event, line),
        content_type=_type(event.get("datacontenttype", "")),
        headers=tuple(_headers(event)),
        method=method,
        path=target,
        arrived_s=arrival_of(event.get("time")),
    )


def _headers(event: Event) -> Iterator[tuple[str, str]]:
    length, coding = event.get("inferenceheadercontentlength"), event.get("contentencoding")
    if length is not None:
        if not (isinstance(length, str) and length.isascii() and length.isdecimal()):
            raise ValueError(f"{length!r} is not a length")
        yield "Inference-Header-Content-Length", length
    if coding is not None:
        if not (isinstance(coding, str) and FIELD_VALUE.fullmatch(coding)):
            raise ValueError(f"{coding!r} is not a content coding")
        yield "Content-Encoding", coding


def _type(content_type: object) -> str:
    if not isinstance(content_type, str) or not FIELD_VALUE.fullmatch(content_type):
        raise ValueError(f"{content_type!r} is not a content type")
    return content_type


def _body(event: Event, line: bytes) -> bytes:
    """As it came, where plimsoll has written the line; the same value, where Azure or another tool has."""
    if "data_base64" in event:
        return base64.b64decode(event["data_base64"], validate=True)
    if "data" not in event:
        return b""
    data = event["data"]
    if isinstance(data, str) and not is_json(str(event.get("datacontenttype", JSON_TYPE))):
        return data.encode()
    is_ours = str(event.get("agent", "")).startswith(_OURS)
    if is_ours and next(reversed(event)) == "data" and _RAW_DATA in line:
        return line.rstrip()[line.index(_RAW_DATA) + len(_RAW_DATA) : -1]
    return json.dumps(data, ensure_ascii=False).encode()


def _data_capture(number: int, event: Event, line: bytes) -> Row | None:
    """One without input comes of an endpoint that captures its output only."""
    captured: Mapping[str, Any] | None = event["captureData"].get("endpointInput")
    if captured is None:
        return None
    data, encoding = captured["data"], str(captured.get("encoding") or "").upper()
    if not isinstance(data, str) or encoding not in _ENCODINGS:
        wrong = f"encoding {encoding!r} is not CSV, JSON or BASE64" if isinstance(data, str) else "data is not text"
        raise ValueError(wrong)
    return Row(
        number=number,
        body=base64.b64decode(data, validate=True) if encoding == "BASE64" else data.encode(),
        content_type=_type(captured.get("observedContentType") or _ENCODINGS[encoding]),
        arrived_s=arrival_of((event.get("eventMetadata") or {}).get("inferenceTime")),
    )


def _why(error: Exception) -> str:
    """In words: the exceptions of Python are about its own objects."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    if isinstance(error, TypeError | AttributeError):
        return "a part of it is of another type"
    return str(error)
