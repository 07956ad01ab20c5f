"""The model as a runtime of MLServer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from benchmarks.served import work


class Model(MLModel):
    async def load(self) -> bool:
        self._model = work.load_from_env()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (tensor,) = payload.inputs
        if work.takes_rows():
            values = self._model(NumpyCodec.decode_input(tensor))
            outputs = [NumpyCodec.encode_output(name, numpy.asarray(value)) for name, value in values.items()]
        else:
            texts = StringCodec.decode_input(tensor)
            values = self._model(texts) if work.workload_name() == "batched" else [self._model(texts[0])]
            outputs = [_output(values)]
        return InferenceResponse(model_name=self.name, outputs=outputs)

    async def predict_stream(self, payloads: AsyncIterator[InferenceRequest]) -> AsyncIterator[InferenceResponse]:
        async for payload in payloads:
            for chunk in self._model(StringCodec.decode_input(payload.inputs[0])[0]):
                yield InferenceResponse(model_name=self.name, outputs=[_output([chunk])])


def _output(values: list[Any]) -> ResponseOutput:
    kind = "BYTES" if isinstance(values[0], str) else "INT64"
    return ResponseOutput(name="value", shape=[len(values)], datatype=kind, data=values)
