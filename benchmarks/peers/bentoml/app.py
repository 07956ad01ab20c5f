"""The model as a service of BentoML, which reads the annotations: they are no strings here."""

from collections.abc import Generator
from typing import Any

import bentoml

from benchmarks.served import work

Data: Any = list[list[float]] if work.takes_rows() else str
Value: Any = {"echo": str, "answer-1m": str, "digits": dict[str, Any]}.get(work.workload_name(), int)


class Model:
    def __init__(self) -> None:
        self._model = work.load_from_env()


class Single(Model):
    @bentoml.api(route="/score")
    def score(self, data: Data) -> Value:
        return self._model(data)


class Stream(Model):
    @bentoml.api(route="/score")
    def score(self, data: str) -> Generator[str, None, None]:
        yield from self._model(data)


class Batched(Model):
    @bentoml.api(route="/score", batchable=True, max_batch_size=work.MOST_IN_BATCH, max_latency_ms=60_000)
    def score(self, data: list[str]) -> list[int]:
        values: list[int] = self._model(data)
        return values


Bench = bentoml.service(workers=1, threads=work.slots(), traffic={"timeout": 60})(
    {"stream": Stream, "batched": Batched}.get(work.workload_name(), Single)
)
