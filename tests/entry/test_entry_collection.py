"""The collectors of Azure ML in scripts: names, what they do without --collect, what reaches the files with it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plimsoll.entry.collection.events import NO_DATA, Events, are_plain, ids_of, is_sampled, small_data
from plimsoll.entry.collection.recorder import folder_of
from support.collected import events
from support.server import Server, wait_for

V1 = """
    import json
    from azureml.monitoring import ModelDataCollector
    def init():
        global inputs, predictions
        inputs = ModelDataCollector("best", "inputs", feature_names=["a", "b"])
        predictions = ModelDataCollector("best", designation="predictions")
    def run(data):
        correlations = inputs.collect(json.loads(data), "mine")
        both = predictions.add_correlations([3], correlations)
        predictions.collect(both)
        return correlations is not None
"""
V2 = """
    from azureml.ai.monitoring import Collector
    from azureml.ai.monitoring.context import BasicCorrelationContext
    def init():
        global collector, strict
        collector = Collector(name="model_inputs")
        strict = Collector(name="other", on_error=lambda error: errors.append(str(error)))
    errors = []
    def run(data):
        context = collector.collect({}) if data == "wrong" else collector.collect(None, BasicCorrelationContext("me"))
        strict.collect([1])
        return [context.get_id(), errors]
"""


def served(folder: Path, text: str, *flags: str, env: dict[str, str] | None = None) -> Server:
    path = folder / "score.py"
    path.write_text(dedent(text))
    return Server(path, *flags, env=env)


def test_without_collect_the_calls_do_nothing_and_say_so_once(tmp_path: Path) -> None:
    for text in (V1, V2):
        with served(tmp_path, text) as server:
            for _ in range(3):
                assert server.post("/score", b"[1, 2]").status == 200
            said = "model data is not collected: the server was started without --collect"
            server.wait_log(said)
            assert server.log().count(said) == 1


def test_v1_collects_rows_under_their_names(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served(tmp_path, V1, "--collect", str(out), env={"SERVICE_NAME": "svc"}) as server:
        assert server.post("/score", b"[1, 2]", x_request_id="r1").json() is True
        server.signal(signal.SIGTERM)
        server.wait_exit()
    (inputs,), (predictions,) = events(out, "best-inputs"), events(out, "best-predictions")
    (row,) = inputs["data"]
    assert (row["a"], row["b"], row["$aml_request_id"]) == (1, 2, "r1")
    assert row["$aml_dc_correlation_id"].startswith("mine-")
    assert (row["$aml_service_name"], row["$aml_dc_boundary"]) == ("svc", 60)
    assert predictions["data"][0][:2] == [3, row["$aml_dc_correlation_id"]]
    assert inputs["xrequestid"] == predictions["xrequestid"] == "r1"


def test_what_is_no_data_frame_is_an_error_as_in_the_package(tmp_path: Path) -> None:
    with served(tmp_path, V2, "--collect", str(tmp_path / "out")) as server:
        assert server.post("/score", b"wrong").status == 500
        server.wait_log("TypeError: data type (dict) not supported, supported types: pandas.DataFrame")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("azureml.ai.monitoring", "Collector"),
        ("azureml.ai.monitoring.collector", "Collector"),
        ("azureml.ai.monitoring.context", "BasicCorrelationContext"),
        ("azureml.monitoring", "ModelDataCollector"),
        ("azureml.monitoring.modeldatacollector", "ModelDataCollector"),
    ],
)
def test_import_names(tmp_path: Path, module: str, name: str) -> None:
    text = f"""
        from {module} import {name}
        def init(): pass
        def run(data): return {name}.__name__
    """
    with served(tmp_path, text) as server:
        assert server.post("/score", b"1").json() == name


def test_ids_are_unique_and_a_time_is_whole() -> None:
    made = Events("request", "/source", "host")
    lines = {made.line(1.5, ids_of(b'"r"', b'"c"'), b"", NO_DATA) for _ in range(3)}
    assert len(lines) == 3
    assert all(b'"time":"1970-01-01T00:00:01.500000Z"' in line for line in lines)


def test_a_sample_is_the_same_everywhere_and_as_large_as_asked() -> None:
    kept = [is_sampled(f"id-{number}", 0.3) for number in range(10_000)]
    assert 2_700 < sum(kept) < 3_300
    assert kept == [is_sampled(f"id-{number}", 0.3) for number in range(10_000)]
    assert not any(is_sampled(f"id-{number}", 0.0) for number in range(100))


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", ".", "x" * 500, "größe", "a\nb"])
def test_a_collection_is_one_folder(name: str) -> None:
    found = folder_of(name)
    assert len(found) <= 100
    assert not set(found) & set("/\n\0")
    assert found not in (".", "..")


def test_nothing_but_json_is_embedded() -> None:
    deep = b"[" * 202 + b"]" * 202
    wrong = (
        b"05",
        b"1 2",
        b'"\xff"',
        b"[" * 5000,
        deep,
        b"{'a': 1}",
        b"\xef\xbb\xbf1",
        b"nul",
        b"NaN",
        b"[1,]",
        b'"\x01"',
    )
    for body in wrong:
        assert b"data_base64" in small_data(body, "application/json")[0]


@given(st.text('[]{}:,"\\u0019eE+-. tfnrulasé\n', max_size=12).map(str.encode) | st.binary(max_size=6))
@example(b'{"a": [1, -0.5e3, true, null, "\\u00e9"]}')
def test_what_is_json_is_what_the_standard_library_reads(body: bytes) -> None:
    """But for NaN and Infinity, which are none, and a half of a surrogate pair, which both may see as they like."""
    try:
        json.loads(body.decode(), parse_constant=lambda name: json.loads("?"))
        is_json = not body.startswith(b"\xef\xbb\xbf")
    except ValueError:
        is_json = False
    if b"\\u" not in body:
        assert (small_data(body, "application/json")[0] == b',"datacontenttype":"application/json","data":') is is_json


def test_many_plain_bodies_are_plain_together() -> None:
    """Each has few brackets, all of them have more than one may have."""
    plain = [b'{"data": [[1, 2]]}', b"[1]"] * 100
    assert are_plain(plain)
    odd = b"[" * 300 + b"]" * 300, b"[" + b"1" * 5000 + b"]", '["é"]'.encode(), b"[\n1]", b"[\r1]"
    assert not any(are_plain([*plain, one, *plain]) for one in odd)


def test_lines_stay_lines() -> None:
    for body in (b'{"a":\n1}', b"[1,\r\n2]", b"\n1"):
        _, embedded, _ = small_data(body, "application/json")
        assert b"\n" not in embedded
        assert b"\r" not in embedded
        assert json.loads(embedded) == json.loads(body)


NUMBERS = """
    import numpy
    from azureml.ai.monitoring import Collector
    from azureml.monitoring import ModelDataCollector
    from plimsoll.entry.collection.recorder import recorder
    def init(): pass
    def run(data):
        ModelDataCollector("m", "predictions").collect([float("nan"), numpy.float32(0.5), numpy.int64(3)])
        recorder().record("request", "id", "[]", "list", None, {})
"""


def test_what_is_no_number_is_null_and_the_servers_files_are_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served(tmp_path, NUMBERS, "--collect", str(out)) as server:
        assert server.post("/score", b"1").status == 200
        server.signal(signal.SIGTERM)
        server.wait_exit()
    (prediction,) = events(out, "m-predictions")
    assert prediction["data"] == [[None, 0.5, 3]]
    assert [event["data"] for event in events(out, "request")] == [1]


ODD = """
    from azureml.monitoring import ModelDataCollector
    from plimsoll.entry.collection.recorder import recorder
    NAMES = ["-a", "größe", "a b", "a_b", "n" * 99 + "é", "x" * 200, "x" * 201, "y" * 100, "."]
    def init(): pass
    def run(data):
        for name in NAMES:
            recorder().record(name, "id", "[1]", "list", None, {})
        itself = []
        itself.append(itself)
        for _ in range(2):
            ModelDataCollector("m", "predictions").collect([itself])
        return NAMES
"""


def test_odd_names_have_folders_of_their_own_and_what_is_no_json_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served(tmp_path, ODD, "--collect", str(out)) as server:
        names = server.post("/score", b"1").json()
        wait_for(lambda: server.metric("plimsoll_collect_dropped_total", reason="malformed") == 2, "the count")
        server.signal(signal.SIGTERM)
        server.wait_exit()
        assert server.log().count("a record of the collection 'm-predictions' cannot be written as JSON") == 1
    folders = {path.name for path in out.glob("*/*/*")} - {"request", "response"}
    assert len(folders) == len(names)
    assert {events(out, folder)[0]["type"] for folder in folders} == {f"azureml.inference.{name}" for name in names}
    assert {"a_b", "y" * 100} <= folders
