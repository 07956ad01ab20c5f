"""`--collect` on a real server: every request and answer, in files that others can read."""

from __future__ import annotations

import base64
import gzip
import json
import re
import signal
from pathlib import Path
from textwrap import dedent

import pytest

from plimsoll.profiling.dataset.load import load_dataset
from support.collected import events, files
from support.server import Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
RAW = """
    from plimsoll.entry import rawhttp, Response
    def init(): pass
    @rawhttp
    def run(request):
        if request.args.get("stream"):
            return Response((piece for piece in (b"one ", b"two")), headers={"content-type": "text/plain"})
        return Response(request.get_data(), headers={"content-type": request.headers["content-type"]})
"""


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with Server(script(tmp_path), "--collect", str(tmp_path / "file"), wait=False) as server:
        assert server.wait_exit() == 1
        assert "file: is a file (name a folder; it is made if need be)" in server.log()
    assert (tmp_path / "file").read_text() == "mine"


def script(folder: Path, text: str = ECHO) -> Path:
    path = folder / "score.py"
    path.write_text(dedent(text))
    return path


def end(server: Server) -> None:
    server.signal(signal.SIGTERM)
    server.wait_exit()


def test_a_request_and_its_answer_in_azures_layout(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--collect-as", "churn/blue") as server:
        server.post("/score", b'{"a":\n [1.0]}', x_request_id="one")
        end(server)
    (request,), (response,) = events(out, "request"), events(out, "response")
    assert request["specversion"] == "1.0"
    assert request["source"].endswith("/onlineEndpoints/churn/deployments/blue")
    assert (request["type"], response["type"]) == ("azureml.inference.request", "azureml.inference.response")
    assert (request["xrequestid"], response["xrequestid"]) == ("one", "one")
    assert (request["data"], response["data"], response["status"]) == ({"a": [1.0]}, {"a": [1.0]}, 200)
    assert request["id"] != response["id"]
    (path,) = files(out, "request")
    stamp = re.fullmatch(r"churn/blue/request/(\d{4}/\d\d/\d\d/\d\d)/[\w.-]+\.jsonl", str(path.relative_to(out)))
    assert stamp
    assert request["time"] <= response["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", request["time"])


@pytest.mark.parametrize(
    ("body", "content_type", "member"),
    [
        (b'{"a": 1}', "application/json", "data"),
        (b"not json", "application/json", "data_base64"),
        (b"[NaN]", "application/json", "data_base64"),
        (b'[1],"xrequestid":"forged"', "application/json", "data_base64"),
        ("größer".encode(), "text/plain; charset=utf-8", "data"),
        (b"\xff\x00", "text/plain", "data_base64"),
        (bytes(range(256)), "application/octet-stream", "data_base64"),
        (b"[" + b"1," * 60_000 + b"1]", "application/json", "data_base64"),
    ],
)
def test_every_body_comes_back_as_it_was(tmp_path: Path, body: bytes, content_type: str, member: str) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path, RAW), "--collect", str(out)) as server:
        assert server.post("/score", body, content_type=content_type).body == body
        end(server)
    for collection in ("request", "response"):
        (event,) = events(out, collection)
        found = event[member]
        if member == "data_base64":
            assert base64.b64decode(found) == body
        else:
            assert found == (json.loads(body) if "json" in content_type else body.decode())
        assert event["datacontenttype"] == content_type


def test_a_number_that_a_reader_refuses_is_not_embedded(tmp_path: Path) -> None:
    """Python's json takes no integer of more than 4300 digits: one request would make the whole file unreadable."""
    out, body = tmp_path / "out", b"[" + b"9" * 4301 + b"]"
    with Server(script(tmp_path, RAW), "--collect", str(out)) as server:
        assert server.post("/score", body).status == 200
        end(server)
    (row,) = load_dataset(out).rows
    assert row.body == body


def test_what_is_no_plain_post_says_so_and_a_stream_is_put_together(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path, RAW), "--collect", str(out)) as server:
        server.request("GET", "/score?stream=1", None, {})
        end(server)
    (request,), (response,) = events(out, "request"), events(out, "response")
    assert (request["httpmethod"], request["httptarget"]) == ("GET", "/score?stream=1")
    assert response["data"] == "one two"


def test_errors_are_answers_and_what_has_no_key_is_not_collected(tmp_path: Path) -> None:
    out, keys = tmp_path / "out", tmp_path / "keys"
    keys.write_text("secret-of-many-letters\n")
    with Server(script(tmp_path), "--collect", str(out), "--api-keys-file", str(keys)) as server:
        assert server.post("/score", b"1").status == 401
        assert server.post("/score", b"broken", authorization="Bearer secret-of-many-letters").status == 500
        end(server)
    (request,), (response,) = events(out, "request"), events(out, "response")
    assert base64.b64decode(request["data_base64"]) == b"broken"
    assert (response["status"], response["data"]["code"]) == (500, "script_failed")
    assert "secret" not in json.dumps([request, response])


def test_files_follow_each_other_by_size(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--collect-file-bytes", "1") as server:
        for number in range(3):
            server.post("/score", b"%d" % number)
            wait_for(lambda: len(events(out, "request")) > number, "the record", 10)  # noqa: B023
        end(server)
    names = sorted(path.stem.partition("_")[2] for path in files(out, "request"))
    assert names == ["", "1", "2"]


def test_a_sample_keeps_request_and_answer_together(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--collect-sampling-rate", "0.5") as server:
        for number in range(60):
            server.post("/score", b"1", x_request_id=f"id-{number}")
        end(server)
    requests, responses = ([one["xrequestid"] for one in events(out, name)] for name in ("request", "response"))
    assert requests == responses
    assert 10 < len(requests) < 50


def test_only_the_collections_that_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--collections", "response") as server:
        server.post("/score", b"1")
        end(server)
    assert events(out, "request") == []
    assert len(events(out, "response")) == 1


def test_metrics_count_records(tmp_path: Path) -> None:
    with Server(script(tmp_path), "--collect", str(tmp_path / "out")) as server:
        server.post("/score", b"1")
        wait_for(lambda: server.metric("plimsoll_collect_records_total", collection="request") == 1, "the count", 10)
        assert server.metric("plimsoll_collect_dropped_total") == 0


def test_warm_up_is_not_collected(tmp_path: Path) -> None:
    rows = tmp_path / "rows.txt"
    rows.write_text("1\n")
    out, text = tmp_path / "out", ECHO.replace("json.loads(data)", "c.collect([1])")
    text = text.replace("def init", "from azureml.monitoring import ModelDataCollector\n    c = None\n    def init")
    text = text.replace("pass", "globals().update(c=ModelDataCollector('best', 'predictions'))")
    with Server(script(tmp_path, text), "--collect", str(out), "--warmup", str(rows)) as server:
        server.post("/score", b"1")
        end(server)
    assert len(events(out, "request")) == len(events(out, "best-predictions")) == 1


V2_JSON = b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}]}'
TENSORS = """
    from plimsoll.entry import Tensor, signature
    def init(): pass
    @signature(inputs=[Tensor("x", "FP32", [-1])], outputs=[Tensor("y", "FP32", [-1])])
    def run(x): return 2 * x
"""


def test_tensors_in_bytes_can_be_sent_again(tmp_path: Path) -> None:
    """Where their JSON ends is said in a header."""
    out, body = tmp_path / "out", V2_JSON + bytes(8)
    headers = {"content_type": "application/octet-stream", "inference_header_content_length": str(len(V2_JSON))}
    with Server(script(tmp_path, TENSORS), "--contract", "v2", "--collect", str(out)) as server:
        path = "/v2/models/model/infer"
        first = server.post(path, body, **headers)
        end(server)
    assert first.status == 200, first.body
    (row,) = load_dataset(out).rows
    assert (row.path, row.body) == (path, body)
    assert row.headers == (("Inference-Header-Content-Length", str(len(V2_JSON))),)


def test_a_packed_body_can_be_sent_again(tmp_path: Path) -> None:
    out, body = tmp_path / "out", gzip.compress(V2_JSON + bytes(8))
    headers = {"content_encoding": "gzip", "inference_header_content_length": str(len(V2_JSON))}
    with Server(script(tmp_path, TENSORS), "--contract", "v2", "--collect", str(out)) as server:
        first = server.post("/v2/models/model/infer", body, **headers)
        end(server)
    assert first.status == 200, first.body
    (row,) = load_dataset(out).rows
    assert row.body == body
    assert dict(row.headers)["Content-Encoding"] == "gzip"
