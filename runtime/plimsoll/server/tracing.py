"""Optional OpenTelemetry spans: one per request for scoring, a child of the caller's where it sent `traceparent`.

Off unless asked for, and then the packages of the extra `tracing` must be there. Where spans go is OpenTelemetry's own
affair: the variables OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span


class Tracing:
    """`provider` is OpenTelemetry's; spans are handed over when they end and exported in the background."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("plimsoll")
        self._propagator = TraceContextTextMapPropagator()
        self._server = SpanKind.SERVER
        self._error = Status(StatusCode.ERROR)

    @classmethod
    def from_environment(cls) -> Tracing:
        """Raises UsageError when the packages are missing."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise UsageError(
                f"--tracing: {error}", remedy="install it with: pip install 'plimsoll-runtime[tracing]'"
            ) from None
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def begin(self, method: str, route: str, request_id: str, headers: dict[bytes, bytes]) -> Span:
        """A span around one request; the caller ends it with `finish`."""
        carrier = {name: headers[name.encode()].decode("latin-1") for name in _CONTEXT if name.encode() in headers}
        attributes = {"http.request.method": method, "http.route": route, "plimsoll.request_id": request_id}
        context = self._propagator.extract(carrier)
        return self._tracer.start_span(f"{method} {route}", context, kind=self._server, attributes=attributes)

    def finish(self, span: Span, status: int, outcome: str) -> None:
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("plimsoll.outcome", outcome)
        if status >= 500:
            span.set_status(self._error)
        span.end()

    def close(self) -> None:
        """Exports the spans that are still buffered."""
        self._provider.shutdown()


_CONTEXT = ("traceparent", "tracestate")
