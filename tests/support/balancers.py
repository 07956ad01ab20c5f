"""Real load balancers in front of replicas, configured as people who run them would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from support import programs
from support.programs import running
from support.server import free_port

# haproxy 2.6, configuration manual: a connection that could not be made is tried at another server (`redispatch`); a
# request that was sent is not sent again. It asks every server itself whether it is ready, and believes the first
# connection that fails. What is set beyond that is patience: left unsaid, a check has to be answered within its
# interval, and a request may wait in the queue for as long as a connection may take. On a machine that stands still
# for a moment the balancer then takes all servers for dead, and answers 503 itself.
_HAPROXY = """
defaults
    mode http
    timeout connect 60s
    timeout queue 60s
    timeout check 60s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch 1
    http-reuse never
frontend scoring
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    balance {balance}
    option httpchk GET /health/ready
    default-server check inter 100ms fall 2 rise 1 maxconn {most} observe layer4 error-limit 1 on-error mark-down
{servers}
"""
# nginx asks no server whether it is ready: it meets the one that is gone, and tries the next (`proxy_next_upstream`),
# but never with a POST that has been sent.
_NGINX = """
    upstream replicas {{
        least_conn;
{servers}
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://replicas; proxy_next_upstream error timeout; }}
    }}
"""


@contextlib.contextmanager
def haproxy(folder: Path, ports: Sequence[int], most: int, balance: str = "leastconn") -> Iterator[int]:
    """The port of the balancer; `most` requests at a time go to each replica, the others wait here."""
    servers = "\n".join(f"    server replica{number} 127.0.0.1:{at}" for number, at in enumerate(ports))
    port, file = free_port(), folder / "haproxy.cfg"
    file.write_text(_HAPROXY.format(port=port, servers=servers, most=most, balance=balance))
    with running(["haproxy", "-db", "-f", str(file)], port):
        yield port


@contextlib.contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[int]:
    """The port of the balancer."""
    servers = "\n".join(f"        server 127.0.0.1:{at} max_fails=1 fail_timeout=1s;" for at in ports)
    port = free_port()
    with programs.nginx(folder, _NGINX.format(port=port, servers=servers), port):
        yield port
