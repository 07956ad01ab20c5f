"""Requests to the models of mlflow_models.py: what a case is named, and all that is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
CSV = "text/csv"


@dataclass(frozen=True)
class Case:
    """`headers` without a content type where `kind` is None."""

    model: str
    body: bytes = b""
    kind: str | None = JSON
    method: str = "POST"
    path: str = "/invocations"
    headers: dict[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        return self.headers | ({} if self.kind is None else {"content-type": self.kind})


def json_case(model: str, value: Any, kind: str = JSON) -> Case:
    return Case(model, json.dumps(value).encode(), kind)


def _csv(model: str, text: str, kind: str = CSV) -> Case:
    return Case(model, text.encode(), kind)


def _plain(what: str) -> Case:
    return json_case("plain", {"dataframe_split": {"columns": ["what"], "data": [[what]]}})


# Pictures of the data set "digits": 64 pixels, each from 0 to g.
ROW, OTHER, THIRD = (
    [int(pixel, 17) / 16 for pixel in picture]
    for picture in (
        "005d910000dfaf5003f20b8004c008800580098004b01c7002e5ac00006da000",
        "0078dgf100774bc000008d100488ff6002bff400000g5000009f100000d50000",
        "0000c5000002gc00001cgb0002cgga0006b5f6000001g9000002gb000003g800",
    )
)
LINE = {"size": 1.5, "count": 2, "name": "a", "when": "2024-02-03T04:05:06"}
SPLIT = {"columns": list(LINE), "data": [list(LINE.values()), [2.5, 3, "b", "2025-01-01T00:00:00"]]}
TABLE = {"columns": ["a", "b"], "index": ["x", "y"], "data": [[1, 2], [3, 4.5]]}
BIG = [ROW, OTHER, THIRD] * 1000
DEEP = 100_000
KINDS = [
    "series",
    "unnamed",
    "frame",
    "numbered",
    "matrix",
    "scalar",
    "list",
    "dates",
    "moments",
    "nanoseconds",
    "bytes",
    "objects",
    "nan",
    "none",
    "text",
    "nothing",
    "missing",
    "decimal",
    "predictions",
]

PROBES = {
    "ping": Case("digits", method="GET", path="/ping", kind=None),
    "health": Case("digits", method="GET", path="/health", kind=None),
    "version": Case("digits", method="GET", path="/version", kind=None),
    "ping by POST": Case("digits", method="POST", path="/ping"),
    "invocations by GET": Case("digits", method="GET", path="/invocations", kind=None),
    "invocations by PUT": Case("digits", method="PUT", path="/invocations"),
    "an unknown path": Case("digits", method="GET", path="/nope", kind=None),
    "a slash too many": Case("digits", b"{}", path="/invocations/x"),
}

GOOD = {
    "inputs of a tensor": json_case("digits", {"inputs": [ROW, OTHER]}),
    "instances of a tensor": json_case("digits", {"instances": [ROW, OTHER]}),
    "a frame for a tensor": json_case("digits", {"dataframe_split": {"data": [ROW]}}),
    "records for a tensor": json_case("digits", {"dataframe_records": [{str(n): v for n, v in enumerate(ROW)}]}),
    "csv for a tensor": _csv("digits", ",".join(map(str, range(64))) + "\n" + ",".join(map(str, ROW)) + "\n"),
    "whole numbers for a tensor of floats": json_case("digits", {"inputs": [[0] * 64]}),
    "big": json_case("digits", {"inputs": BIG}),
    "big as instances": json_case("digits", {"instances": BIG}),
    "split": json_case("columns", {"dataframe_split": SPLIT}),
    "split with an index": json_case("columns", {"dataframe_split": SPLIT | {"index": [7, 9]}}),
    "records": json_case("columns", {"dataframe_records": [LINE, LINE | {"extra": True}]}),
    "records that are one object short of a key": json_case(
        "columns", {"dataframe_records": [LINE | {"extra": False}, LINE]}
    ),
    "inputs of columns": json_case("columns", {"inputs": {name: [value] for name, value in LINE.items()}}),
    "inputs that are records": json_case("columns", {"inputs": [LINE]}),
    "instances that are records": json_case("columns", {"instances": [LINE, LINE]}),
    "csv": _csv("columns", "size,count,name,when\n1.5,2,a,2024-02-03\n2.5,3,b,2024-02-04\n"),
    "csv with a charset": _csv("columns", "size,count,name,when\n1.5,2,\u00e4,2024-02-03\n", "text/csv; charset=UTF-8"),
    "json with a charset": json_case("columns", {"dataframe_split": SPLIT}, "application/json; charset=utf-8"),
    "columns in another order": json_case("columns", {"dataframe_records": [dict(reversed(LINE.items()))]}),
    "an unknown column": json_case("columns", {"dataframe_records": [LINE | {"colour": "red"}]}),
    "an unknown key beside it": json_case("columns", {"dataframe_records": [LINE], "client": "x"}),
    "params": json_case("params", {"inputs": {"x": [1.0, 2.0]}, "params": {"factor": 10.0, "offsets": [5]}}),
    "params left out": json_case("params", {"inputs": {"x": [1.0, 2.0]}}),
    "one param": json_case("params", {"dataframe_split": {"columns": ["x"], "data": [[3]]}, "params": {"factor": 0.5}}),
    "an unknown param": json_case("params", {"inputs": {"x": [1.0]}, "params": {"colour": 1}}),
    "csv without a date": _csv("params", "x,colour\n1,red\n2.5,blue\n"),
    "csv with a charset for one column": _csv("params", "x\n7\n", "text/csv; charset=UTF-8"),
    "params for csv": _csv("params", "x\n1\n2\n"),
    "no signature, inputs": json_case("plain", {"inputs": [[1, 2], [3, 4]]}),
    "no signature, named inputs": json_case("plain", {"inputs": {"a": [1, 2], "b": [[1.5], [2.5]]}}),
    "no signature, instances": json_case("plain", {"instances": [{"a": 1, "b": [1, 2]}, {"a": 2, "b": [3, 4]}]}),
    "no signature, split": json_case("plain", {"dataframe_split": TABLE}),
    "no signature, records": json_case("plain", {"dataframe_records": [{"a": 1}, {"b": "x"}]}),
    "no signature, records without a row": json_case("plain", {"dataframe_records": []}),
    "no signature, csv": _csv("plain", "a,b\n1,x\n2,\n"),
    "a repeated key": Case("plain", b'{"inputs": [1], "inputs": [1, 2]}'),
    "NaN": Case("digits", json.dumps({"inputs": [ROW]}).replace(str(ROW[1]), "NaN", 1).encode()),
    **{f"result: {what}": _plain(what) for what in KINDS},
}

BAD = {
    "no content type": Case("digits", json.dumps({"inputs": [ROW]}).encode(), None),
    "an unknown content type": Case("digits", b"x", "text/plain"),
    "a form": Case("digits", b"a=b", "application/x-www-form-urlencoded"),
    "another charset": json_case("digits", {"inputs": [ROW]}, "application/json; charset=latin-1"),
    "an unknown parameter of the type": json_case("digits", {"inputs": [ROW]}, "application/json; format=pandas-split"),
    "the type in capitals": json_case("digits", {"inputs": [ROW]}, "Application/JSON"),
    "no body": Case("digits"),
    "broken json": Case("digits", b'{"inputs": [1'),
    "not utf-8": Case("digits", b'{"inputs": "\xff"}'),
    "a list": json_case("digits", [ROW]),
    "a number": json_case("digits", 7),
    "null": json_case("digits", None),
    "no known key": json_case("digits", {"data": [ROW]}),
    "an empty object": json_case("digits", {}),
    "several keys": json_case("digits", {"inputs": [ROW], "instances": [ROW]}),
    "a signature name": json_case("digits", {"inputs": [ROW], "signature_name": "x"}),
    "too few values": json_case("digits", {"inputs": [ROW[:63]]}),
    "too many dimensions": json_case("digits", {"inputs": [[ROW]]}),
    "rows of two lengths": json_case("digits", {"inputs": [ROW, ROW[:5]]}),
    "text for a tensor": json_case("digits", {"inputs": [["x"] * 64]}),
    "an object for a tensor": json_case("digits", {"inputs": {"a": [1]}}),
    "no rows": json_case("digits", {"inputs": []}),
    "inputs are null": json_case("digits", {"inputs": None}),
    "instances are a number": json_case("digits", {"instances": 5}),
    "a column is missing": json_case(
        "columns", {"dataframe_records": [{k: v for k, v in LINE.items() if k != "count"}]}
    ),
    "all columns are missing": json_case("columns", {"dataframe_records": [{}]}),
    "text for a number": json_case("columns", {"dataframe_records": [LINE | {"size": "wide"}]}),
    "a fraction for a whole number": json_case("columns", {"dataframe_records": [LINE | {"count": 2.5}]}),
    "a number for a text": json_case("columns", {"dataframe_records": [LINE | {"name": 5}]}),
    "null for a whole number": json_case("columns", {"dataframe_records": [LINE | {"count": None}]}),
    "no date": json_case("columns", {"dataframe_records": [LINE | {"when": "soon"}]}),
    "split without data": json_case("columns", {"dataframe_split": {"columns": ["size"]}}),
    "split with an unknown key": json_case("columns", {"dataframe_split": SPLIT | {"rows": 1}}),
    "split is a list": json_case("columns", {"dataframe_split": [LINE]}),
    "split of another width": json_case("columns", {"dataframe_split": {"columns": ["size"], "data": [[1, 2]]}}),
    "split with too short an index": json_case("columns", {"dataframe_split": SPLIT | {"index": [1]}}),
    "records are an object": json_case("columns", {"dataframe_records": LINE}),
    "records are numbers": json_case("columns", {"dataframe_records": [1, 2]}),
    "instances of two lengths": json_case("columns", {"instances": [LINE, {"size": 1}]}),
    "csv without columns": _csv("columns", "1,2\n"),
    "csv that is empty": _csv("columns", ""),
    "csv of two widths": _csv("columns", "size,count\n1,2,3,4\n1,2,3,4,5\n"),
    "csv with a text for a number": _csv("columns", "size,count,name,when\nwide,2,a,2024-02-03\n"),
    "csv that is not utf-8": Case("columns", b"size\n\xff\n", CSV),
    "parquet that is none": Case("columns", b"nope", "application/vnd.apache.parquet"),
    "params are a list": json_case("params", {"inputs": {"x": [1.0]}, "params": [1]}),
    "a param of the wrong type": json_case("params", {"inputs": {"x": [1.0]}, "params": {"factor": "much"}}),
    "a param of the wrong shape": json_case("params", {"inputs": {"x": [1.0]}, "params": {"offsets": 5}}),
    "params for a model without": json_case("digits", {"inputs": [ROW], "params": {"a": 1}}),
    "the model raises": json_case("raises", {"dataframe_split": {"data": [["value"]]}}),
    "the model refuses": json_case("raises", {"dataframe_split": {"data": [["mlflow"]]}}),
    "a result without a form": json_case("raises", {"dataframe_split": {"data": [["object"]]}}),
    "deeply nested": Case("digits", b'{"inputs": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "a number of too many digits": Case("digits", b'{"inputs": ' + b"1" * 5000 + b"}"),
    "input_data": json_case("digits", {"input_data": [ROW]}),
}

CASES = PROBES | GOOD | BAD
MODELS = sorted({case.model for case in CASES.values()})
