"""`/metrics` read by Prometheus's own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from support.fixtures import Serve

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""


def test_requests_are_counted_by_outcome(serve: Serve) -> None:
    server = serve(ECHO)
    for body in (b"1", b"2", b"nonsense"):
        server.post("/score", body)
    assert server.metric("plimsoll_requests_total", route="/score", outcome="ok", status="200") == 2
    assert server.metric("plimsoll_requests_total", outcome="script_failed", status="500") == 1
    server.get("/scanned/by/somebody")
    assert server.metric("plimsoll_requests_total", route="unmatched", status="404") == 1
    assert server.metric("plimsoll_requests_total", route="/metrics") >= 1
    assert server.metric("plimsoll_run_seconds_count") == 2
    assert server.metric("plimsoll_request_seconds_count") == 3


def test_every_family_is_well_formed(serve: Serve) -> None:
    server = serve(ECHO, "--workers", "2")
    server.post("/score", b"1")
    families = {family.name: family for family in text_string_to_metric_families(server.get("/metrics").body.decode())}
    assert all(family.documentation for family in families.values())
    cpu = {sample.labels["process"]: sample.value for sample in families["plimsoll_process_cpu_seconds"].samples}
    assert set(cpu) == {"master", "front", "worker-0", "worker-1"}
    buckets = [s.value for s in families["plimsoll_request_seconds"].samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1


def test_openmetrics_is_negotiated(serve: Serve) -> None:
    reply = serve(ECHO).get("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.body.endswith(b"# EOF\n")
