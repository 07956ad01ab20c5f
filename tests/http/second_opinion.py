"""The corpus against nginx: ``cd tests && PYTHONPATH=.:http python -m second_opinion`` prints where nginx differs.

nginx is Debian's, with limits like those of the corpus; docs/http.md explains the differences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from corpus import THEMES
from corpus.case import KEY, MAX_BODY_BYTES, MAX_HEAD_BYTES, Way
from echo_upstream import Upstream
from nginx_differences import DIFFERENCES, is_explained
from talk.play import deviations

from support import programs
from support.server import free_port

_CONFIG = """
    client_max_body_size {max_body};
    large_client_header_buffers 4 {max_head};
    keepalive_requests 100000;
    server {{ listen 127.0.0.1:{open_port}; {routes} }}
    server {{ listen 127.0.0.1:{keyed_port}; if ($http_authorization != "Bearer {key}") {{ return 401; }} {routes} }}
"""
_ROUTES = """
    if ($http_x_request_id ~ ".{{101}}") {{ return 431; }}
    if ($http_x_request_timeout_ms ~ "[^0-9]") {{ return 400; }}
    location = /score {{
        if ($request_method !~ "^(GET|POST|OPTIONS|HEAD)$") {{ return 405; }}
        proxy_pass http://127.0.0.1:{upstream_port};
        proxy_buffer_size 16k;
        proxy_buffers 8 16k;
        proxy_ignore_client_abort on;
    }}
    location ~ "^/(health/live|health/ready|metrics)?$" {{
        if ($request_method !~ "^(GET|HEAD)$") {{ return 405; }}
        return 200 "well";
    }}
    location / {{ return 404; }}
"""


@contextmanager
def nginx() -> Iterator[dict[bool, int]]:
    """Its ports, by whether a key is asked for."""
    ports = {False: free_port(), True: free_port()}
    with tempfile.TemporaryDirectory() as name, Upstream() as upstream:
        routes = _ROUTES.format(upstream_port=upstream.port)
        limits = {"max_body": MAX_BODY_BYTES, "max_head": MAX_HEAD_BYTES, "key": KEY.decode()}
        text = _CONFIG.format(open_port=ports[False], keyed_port=ports[True], routes=routes, **limits)
        with programs.nginx(Path(name), text, ports[False], one_process=True):
            yield ports


def differences(ways: Collection[Way] = tuple(Way)) -> dict[str, dict[str, str]]:
    """By theme and case, what nginx did."""
    found = {}
    with nginx() as ports:
        for theme, cases in THEMES.items():
            found[theme] = {
                name: what
                for keyed, port in ports.items()
                for name, what in deviations(port, [case for case in cases if case.keyed is keyed], ways).items()
            }
    return found


def table() -> str:
    """The table of docs/http.md."""
    lines = ["| nginx | Plimsoll | section | cases |", "|---|---|---|---|"]
    for one in DIFFERENCES:
        named = "; ".join(f"{theme}: {_examples(names)}" for theme, names in one.cases.items())
        lines.append(f"| {one.nginx} | {one.plimsoll} | {one.section} | {named} |")
    return "\n".join(lines)


def _examples(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:2]) + (", …" if len(names) > 2 else "")


def main() -> None:
    print(table())
    print("\n| case | section | nginx |\n|---|---|---|")
    found = differences()
    for theme, cases in THEMES.items():
        for case in cases:
            if what := found[theme].get(case.name):
                mark = "" if is_explained(theme, case.name) else "NOT EXPLAINED: "
                print(f"| {mark}{theme}: {case.name} | {case.section} | {what} |")
    print(f"\n{sum(map(len, found.values()))} of {sum(map(len, THEMES.values()))} cases differ")


if __name__ == "__main__":
    main()
