"""Spans: what they say (SDK's in-memory exporter), and that a real server sends them (OTLP over HTTP)."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from plimsoll.server.tracing import Tracing
from support.fixtures import Serve
from support.server import wait_for

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    found = Tracing(provider)
    yield found
    found.close()


def test_a_span_is_a_child_of_the_callers(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    headers = {b"traceparent": f"00-{TRACE}-{PARENT}-01".encode()}
    tracing.finish(tracing.begin("POST", "/score", "id-1", headers), 200, "ok")
    (found,) = exporter.get_finished_spans()
    assert (found.name, found.kind) == ("POST /score", SpanKind.SERVER)
    assert found.parent is not None
    assert (f"{found.context.trace_id:032x}", f"{found.parent.span_id:016x}") == (TRACE, PARENT)
    assert dict(found.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/score",
        "http.response.status_code": 200,
        "plimsoll.request_id": "id-1",
        "plimsoll.outcome": "ok",
    }


def test_a_server_error_marks_the_span(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    tracing.finish(tracing.begin("POST", "/score", "id-2", {}), 504, "scoring_timeout")
    (found,) = exporter.get_finished_spans()
    assert found.parent is None
    assert found.status.status_code is StatusCode.ERROR


def test_a_server_sends_its_spans(serve: Serve) -> None:
    received: list[bytes] = []

    class Sink(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Sink) as sink:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.server_port}",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_SERVICE_NAME": "digits",
        }
        server = serve("def init(): pass\ndef run(data): return 1\n", "--tracing", env=env)
        server.post("/score", b"1", x_request_id="mine", traceparent=f"00-{TRACE}-{PARENT}-01")
        wait_for(lambda: received, "a span")
        sink.shutdown()
    request = ExportTraceServiceRequest.FromString(received[0])
    resource = request.resource_spans[0]
    assert "digits" in str(resource.resource)
    span = resource.scope_spans[0].spans[0]
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("POST /score", TRACE, PARENT)
    assert "mine" in str(span.attributes)
