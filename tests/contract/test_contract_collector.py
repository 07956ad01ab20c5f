"""The Collector of Azure ML with pandas' data frames, in scripts as Azure's documentation has them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from textwrap import dedent

from support.collected import events
from support.server import Server

SCRIPT = """
    import json
    import pandas as pd
    from azureml.ai.monitoring import Collector

    def init():
        global inputs_collector, outputs_collector, together
        inputs_collector = Collector(name='model_inputs')
        outputs_collector = Collector(name='model_outputs')
        together = Collector(name='model_inputs_outputs', on_error=lambda e: print(f"ex:{e}"))

    def run(data):
        input_df = pd.DataFrame(json.loads(data)["data"])
        context = inputs_collector.collect(input_df)
        output_df = pd.DataFrame({"class": [1] * len(input_df)})
        outputs_collector.collect(output_df, context)
        together.collect(input_df.join(output_df), context)
        return context.get_id()
"""


def test_inputs_and_outputs_with_one_context(tmp_path: Path, packages: Path) -> None:
    script, out = tmp_path / "score.py", tmp_path / "out"
    script.write_text(dedent(SCRIPT))
    env = {"PYTHONPATH": os.pathsep.join(filter(None, [str(packages), os.environ.get("PYTHONPATH")]))}
    with Server(script, "--collect", str(out), env=env) as server:
        body = json.dumps({"data": {"a": [1, 2], "b": ["x", None]}}).encode()
        correlation = server.post("/score", body, x_request_id="r1").json()
        server.signal(signal.SIGTERM)
        server.wait_exit()
    (inputs,), (outputs,) = events(out, "model_inputs"), events(out, "model_outputs")
    (both,) = events(out, "model_inputs_outputs")
    assert inputs["data"] == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert outputs["data"] == [{"class": 1}, {"class": 1}]
    assert both["data"][0] == {"a": 1, "b": "x", "class": 1}
    assert {one["correlationid"] for one in (inputs, outputs, both)} == {correlation} == {"r1"}
    assert inputs["collectdatatype"].startswith("pandas.")
    assert inputs["type"] == "azureml.inference.model_inputs"
