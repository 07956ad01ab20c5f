"""The custom model that MLServer serves for the record: it gives back every tensor that it gets."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Identity(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = []
        for one in payload.inputs:
            codec = StringCodec if one.datatype == "BYTES" else NumpyCodec
            outputs.append(codec.encode_output(one.name, codec.decode_input(one)))
        return InferenceResponse(model_name=self.name, outputs=outputs)
