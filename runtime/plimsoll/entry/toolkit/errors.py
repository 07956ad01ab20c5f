"""Errors that scripts import from SageMaker's toolkit, with its messages: these do reach the client."""

from __future__ import annotations

_UNSUPPORTED = """\
Content type {} is not supported by this framework.

            Please implement input_fn to to deserialize the request data or an output_fn to
            serialize the response. For more information, see the SageMaker Python SDK README."""


class UnsupportedFormatError(Exception):
    """No encoder or decoder for this content type."""

    def __init__(self, content_type: str | None) -> None:
        super().__init__(_UNSUPPORTED.format(content_type))


class BaseInferenceToolkitError(Exception):
    """What a script raises to choose status and message."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        self.status_code = status_code
        self.message = message
        self.phrase = phrase
        super().__init__(status_code, message, phrase)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """The same with a message that can be left out."""

    def __init__(self, status_code: int, message: str | None = None, phrase: str | None = None) -> None:
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)
