"""The model as a worker of mosec."""

from __future__ import annotations

from typing import Any

from mosec import Server, SSEWorker, Worker

from benchmarks.served import work


class Model(Worker):
    def __init__(self) -> None:
        super().__init__()
        self._model = work.load_from_env() if work.workload_name() == "batched" else work.load_from_bytes()

    def deserialize(self, data: bytes) -> bytes:
        return data

    def serialize(self, data: Any) -> bytes:
        return work.encoded(data)

    def forward(self, data: Any) -> Any:
        return self._model(data)


class Stream(SSEWorker):
    def __init__(self) -> None:
        super().__init__()
        self._model = work.load_from_bytes()

    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> str:
        for chunk in self._model(data):
            self.send_stream_event(chunk)
        return ""


if __name__ == "__main__":
    server = Server()
    batch = {"max_batch_size": work.MOST_IN_BATCH, "max_wait_time": work.BATCH_WAIT_MS}
    shape = batch if work.workload_name() == "batched" else {}
    server.append_worker(Stream if work.workload_name() == "stream" else Model, num=work.slots(), **shape)
    server.run()
