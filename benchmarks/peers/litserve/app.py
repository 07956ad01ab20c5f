"""The model as an API of LitServe, which reads annotations: they are no strings here."""

import sys
from collections.abc import Iterator
from typing import Any

import litserve
from fastapi import Request

from benchmarks.served import work


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._model = work.load_from_env()

    def decode_request(self, request: Request) -> Any:
        """What comes is not the request but its JSON."""
        return request["data"]

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def predict(self, x: Any) -> Any:
        return self._model(x)

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: Any) -> Any:
        return {"output": output}


class StreamApi(Api):
    def predict(self, x: Any) -> Iterator[str]:
        yield from self._model(x)

    def encode_response(self, output: Iterator[str]) -> Any:
        yield from output


if __name__ == "__main__":
    if work.workload_name() == "stream":
        api = StreamApi(stream=True)
    elif work.workload_name() == "batched":
        api = Api(max_batch_size=work.MOST_IN_BATCH, batch_timeout=work.BATCH_WAIT_MS / 1000)
    else:
        api = Api()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=work.slots(), timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False)
