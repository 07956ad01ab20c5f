"""Recorded requests as a dataset: what is taken, in which order, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.entry.collection.events import Events, ids_of, quoted, small_data
from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import Row

BODIES = [(b'{"a": 1.50,  "b": [1e3]}', "application/json"), (b"plain", "text/plain"), (b"\x00\xff", "image/png")]


def line(at_s: float, body: bytes, kind: str, collection: str = "request", more: bytes = b"") -> bytes:
    events = Events(collection, "/onlineEndpoints/a/deployments/b", "host")
    return events.line(at_s, ids_of(quoted("id"), quoted("id")), more, small_data(body, kind))


def written(folder: Path, *lines: bytes, name: str = "a/b/request/2026/11/22/20/host.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


def rows(path: Path) -> tuple[Row, ...]:
    return load_dataset(path).rows


def test_requests_of_a_folder_byte_for_byte_in_the_order_of_arrival(tmp_path: Path) -> None:
    lines = [line(10.0 - place, body, kind) for place, (body, kind) in enumerate(BODIES)]
    written(tmp_path, *lines)
    written(tmp_path, line(5.0, b"{}", "application/json", "response"), name="a/b/response/x.jsonl")
    found = rows(tmp_path)
    assert [(row.body, row.content_type) for row in found] == BODIES[::-1]
    assert [row.arrived_s for row in found] == [8.0, 9.0, 10.0]


def test_a_file_alone_and_what_is_no_plain_post(tmp_path: Path) -> None:
    more = b',"httpmethod":"GET","httptarget":"/score?x=1"'
    path = written(tmp_path, line(1.0, b"", "", more=more), line(2.0, b"1", "application/json"))
    first, second = rows(path)
    assert (first.method, first.path, first.body) == ("GET", "/score?x=1", b"")
    assert (second.method, second.path, second.body) == ("POST", None, b"1")


def test_azures_own_events(tmp_path: Path) -> None:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "725aa8af",
        "source": "/subscriptions/s/onlineEndpoints/e/deployments/blue",
        "type": "azureml.inference.request",
        "datacontenttype": "application/json",
        "time": "2022-12-01T08:51:30Z",
        "data": {"input_data": [1, 2]},
        "agent": "azureml-ai-monitoring/0.1.0b4",
    }
    (row,) = rows(written(tmp_path, json.dumps(event).encode() + b"\n"))
    assert json.loads(row.body) == {"input_data": [1, 2]}
    assert row.arrived_s == 1669884690.0


@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_lines_that_another_tool_has_written_anew(tmp_path: Path, separators: tuple[str, str], is_sorted: bool) -> None:
    """As `jq -S` and Python's json do, for who takes a part of a file: the body has the same value."""
    event = json.loads(line(1.0, b'{"a":{"b":0,"data":[1]}}', "application/json"))
    anew = json.dumps(event, separators=separators, sort_keys=is_sorted)
    (row,) = rows(written(tmp_path, anew.encode() + b"\n"))
    assert json.loads(row.body) == event["data"]


def test_a_length_in_other_digits_cannot_be_sent(tmp_path: Path) -> None:
    bad = line(1.0, b"1", "application/json", more=',"inferenceheadercontentlength":"\u0663"'.encode())
    with pytest.raises(DatasetError, match="is not a length"):
        rows(written(tmp_path, bad))


@pytest.mark.parametrize(
    ("data", "encoding", "kind", "body"),
    [
        ('{"x": 1}', "JSON", "application/json", b'{"x": 1}'),
        ("1,2\n", "CSV", "text/csv", b"1,2\n"),
        (base64.b64encode(b"\x93NUMPY").decode(), "BASE64", "application/x-npy", b"\x93NUMPY"),
    ],
)
def test_sagemakers_data_capture(tmp_path: Path, data: str, encoding: str, kind: str, body: bytes) -> None:
    capture = {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}
    event = {
        "captureData": {"endpointInput": capture, "endpointOutput": capture | {"mode": "OUTPUT"}},
        "eventMetadata": {"eventId": "1", "inferenceTime": "2019-10-01T17:15:55Z"},
        "eventVersion": "0",
    }
    (row,) = rows(written(tmp_path, json.dumps(event).encode() + b"\n"))
    assert (row.body, row.content_type, row.arrived_s) == (body, kind, 1569950155.0)


def test_a_last_line_that_is_torn_is_left_out_and_any_other_is_named(tmp_path: Path) -> None:
    good = line(1.0, b"1", "application/json")
    assert len(rows(written(tmp_path, good, good[:50]))) == 1
    with pytest.raises(DatasetError, match="line 2: not a recorded request"):
        rows(written(tmp_path, good, good[:50] + b"\n", good))


@pytest.mark.parametrize(
    "more",
    [b',"httptarget":"/score HTTP/1.1\\r\\nx: y"', b',"httpmethod":"P OST"', b',"datacontenttype":"a\\r\\nb: c"'],
)
def test_what_would_break_the_connection_is_refused(tmp_path: Path, more: bytes) -> None:
    bad = line(1.0, b"1", "", more=more).replace(b'"datacontenttype":"application/json",', b"")
    with pytest.raises(DatasetError, match="not a recorded request"):
        load_dataset(written(tmp_path, bad), kind="collected")


def test_without_any_request(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no line with a collected request"):
        rows(written(tmp_path, line(1.0, b"1", "application/json", "response")))


def test_lines_can_still_be_sent_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, line(1.0, b"1", "application/json"))
    assert load_dataset(path, kind="lines").rows[0].body == path.read_bytes().strip()


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b'{"a": 1}', "text/json"), (b'"one"', "Application/JSON"), (b"plain", 'text/plain; note="json"')],
)
def test_a_type_that_only_looks_like_json_or_not(tmp_path: Path, body: bytes, kind: str) -> None:
    (row,) = rows(written(tmp_path, line(1.0, body, kind)))
    assert row.body == body


def test_a_time_is_only_needed_for_a_replay(tmp_path: Path) -> None:
    capture = {"observedContentType": "text/csv", "mode": "INPUT", "data": "1", "encoding": "CSV"}
    event = {"captureData": {"endpointInput": capture}, "eventMetadata": {"eventId": "x"}, "eventVersion": "0"}
    (row,) = rows(written(tmp_path, json.dumps(event).encode() + b"\n"))
    assert (row.body, row.arrived_s) == (b"1", None)


def test_a_time_that_is_a_number(tmp_path: Path) -> None:
    kind = "azureml.inference.request"
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": kind, "time": 12, "data": 1}
    (row,) = rows(written(tmp_path, json.dumps(event).encode() + b"\n"))
    assert row.arrived_s == 12.0


# As in AWS's developer guide, "Capture data from real-time endpoint".
AWS = (
    b'{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"69,0,153.7,109\\n",'
    b'"encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT",'
    b'"data":"0.0254181120544672","encoding":"CSV"}},"eventMetadata":{"eventId":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",'
    b'"inferenceTime":"2022-02-14T17:25:49Z"},"eventVersion":"0"}\n'
)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in AWS
    return AWS.replace(old, new)


def test_a_line_of_awss_guide(tmp_path: Path) -> None:
    name = "endpoint/AllTraffic/2022/02/14/17/25-49-123.jsonl"
    (row,) = rows(written(tmp_path, AWS, name=name).parents[6])
    assert (row.body, row.content_type, row.arrived_s) == (b"69,0,153.7,109\n", "text/csv", 1644859549.0)


@pytest.mark.parametrize(
    ("event", "body", "kind"),
    [
        (changed(b'"encoding":"CSV"},"endpointO', b'"encoding":"csv"},"endpointO'), b"69,0,153.7,109\n", "text/csv"),
        (changed(b'"observedContentType":"text/csv",', b""), b"69,0,153.7,109\n", "text/csv"),
        (
            changed(b'"observedContentType":"text/csv",', b'"observedContentType":null,'),
            b"69,0,153.7,109\n",
            "text/csv",
        ),
        (changed(b',"eventMetadata":{', b',"another":{'), b"69,0,153.7,109\n", "text/csv"),
        (changed(b'"data":"69,0,153.7,109\\n",', b'"data":"",'), b"", "text/csv"),
    ],
)
def test_parts_that_sagemaker_may_leave_out(tmp_path: Path, event: bytes, body: bytes, kind: str) -> None:
    found = load_dataset(written(tmp_path, event), kind="sagemaker").rows
    assert [(row.body, row.content_type) for row in found] == [(body, kind)]


def test_an_endpoint_that_captures_its_output_only(tmp_path: Path) -> None:
    path = written(tmp_path, changed(b'"endpointInput"', b'"another"'))
    with pytest.raises(DatasetError, match="holds no line with an endpointInput of a data capture"):
        rows(path)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"not json\n", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"5\n", "a part of it is of another type"),
        (b"{}\n", "'captureData' is missing"),
        (changed(b'"captureData":{', b'"captureData":null,"x":{'), "a part of it is of another type"),
        (changed(b'"data":"69,0,153.7,109\\n",', b""), "'data' is missing"),
        (changed(b'"data":"69,0,153.7,109\\n",', b'"data":null,'), "data is not text"),
        (changed(b'"data":"69,0,153.7,109\\n",', b'"data":{"a":1},'), "data is not text"),
        (changed(b'"encoding":"CSV"},"e', b'"encoding":"GZIP"},"e'), "encoding 'GZIP' is not CSV, JSON or BASE64"),
        (changed(b'"encoding":"CSV"},"e', b'"encoding":"BASE64"},"e'), "Only base64 data is allowed"),
        (changed(b'"text/csv",', b'"a\\r\\nb: c",'), "'a\\r\\nb: c' is not a content type"),
        (changed(b'"2022-02-14T17:25:49Z"', b'"yesterday"'), "Invalid isoformat string: 'yesterday'"),
        (changed(b'"2022-02-14T17:25:49Z"', b"NaN"), "nan is not a time"),
        (changed(b'"2022-02-14T17:25:49Z"', b"1" + b"0" * 400), "int too large to convert to float"),
        (changed(b'"2022-02-14T17:25:49Z"', b"1644859549000"), "1644859549000 is not a time"),
        (changed(b'"2022-02-14T17:25:49Z"', b"[]"), "[] is not a time"),
    ],
)
def test_a_bad_line_is_named_with_what_to_do(tmp_path: Path, bad: bytes, why: str) -> None:
    path = written(tmp_path, AWS, bad)
    with pytest.raises(DatasetError) as refused:
        rows(path)
    remedy = "remove the line; --format lines sends every line as it is"
    assert str(refused.value) == f"{path}, line 2: not a recorded request, {why} ({remedy})"


def test_requests_of_the_same_second_do_not_come_at_once(tmp_path: Path) -> None:
    """As SageMaker and Azure record times. Their order stays, and each reading finds the same instants."""
    seconds = [49, 49, 49, 50, 50, 52]
    lines = [changed(b"69,", b"%d," % place).replace(b":49Z", b":%dZ" % at) for place, at in enumerate(seconds)]
    path = written(tmp_path, *lines)
    found = rows(path)
    times = [row.arrived_s or 0.0 for row in found]
    assert [row.body[:1] for row in found] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert [at // 1 - 1644859500 for at in times] == seconds
    assert len(set(times)) == 6
    assert times == sorted(times) == [row.arrived_s for row in rows(path)]
