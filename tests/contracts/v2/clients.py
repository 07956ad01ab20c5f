"""What the real clients see of a server, as JSON on stdout: `python clients.py triton|kserve PORT`.

In an environment of its own, with `tritonclient[http]` and `kserve` (docs/contracts-v2.md).
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np

DTYPES = {"FP32": "float32", "FP64": "float64", "FP16": "float16", "INT64": "int64", "UINT8": "uint8", "BOOL": "bool"}


def triton(port: str) -> dict[str, Any]:
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
    from tritonclient.utils import InferenceServerException

    client = InferenceServerClient(f"127.0.0.1:{port}")
    found: dict[str, Any] = {"version": version("tritonclient"), "live": client.is_server_live()}
    found["ready"] = [client.is_server_ready(), client.is_model_ready("model"), client.is_model_ready("nobody")]
    found["server"] = client.get_server_metadata()["extensions"]
    found["model"] = client.get_model_metadata("model")["name"]
    for datatype, dtype in DTYPES.items():
        array = np.arange(6).reshape(2, 3).astype(dtype)
        for binary in (True, False) if datatype != "FP16" else (True,):
            given = InferInput("x", list(array.shape), datatype)
            given.set_data_from_numpy(array, binary_data=binary)
            wanted = [InferRequestedOutput("x", binary_data=binary)]
            result = client.infer("model", [given], outputs=wanted, request_id="7")
            same = np.array_equal(result.as_numpy("x"), array) and result.as_numpy("x").dtype == array.dtype
            found[f"{datatype} {binary}"] = [same, result.get_response()["id"]]
    text = np.array(["ä".encode(), b"\xff\x00", b""], object)
    given = InferInput("x", [3], "BYTES")
    given.set_data_from_numpy(text)
    found["BYTES"] = client.infer("model", [given]).as_numpy("x").tolist() == text.tolist()
    for algorithm in ("gzip", "deflate"):
        for what in ("request", "response"):
            answer = client.infer("model", [given], **{f"{what}_compression_algorithm": algorithm})
            found[f"{what} as {algorithm}"] = answer.as_numpy("x").tolist() == text.tolist()
    try:
        client.infer("nobody", [given])
    except InferenceServerException as failure:
        found["error"] = [failure.status(), failure.message()]
    return found


def kserve(port: str) -> dict[str, Any]:
    return asyncio.run(_kserve(f"http://127.0.0.1:{port}"))


async def _kserve(url: str) -> dict[str, Any]:
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    found: dict[str, Any] = {"version": version("kserve"), "live": await client.is_server_live(url)}
    found["ready"] = [await client.is_server_ready(url), await client.is_model_ready(url, "model")]
    for datatype, dtype in DTYPES.items():
        array = np.arange(6).reshape(2, 3).astype(dtype)
        for binary in (True, False) if datatype != "FP16" else (True,):
            given = InferInput("x", list(array.shape), datatype)
            given.set_data_from_numpy(array, binary_data=binary)
            asked = InferRequest("model", [given], "7", parameters={"binary_data_output": binary})
            answer = await client.infer(url, asked, model_name="model")
            result = answer.outputs[0].as_numpy()
            found[f"{datatype} {binary}"] = [bool(np.array_equal(result, array)), answer.id]
    return found


if __name__ == "__main__":
    print(json.dumps({"triton": triton, "kserve": kserve}[sys.argv[1]](sys.argv[2])))
