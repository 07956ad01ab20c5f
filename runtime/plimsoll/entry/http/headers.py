"""Request headers as scripts see them, without Werkzeug."""

from __future__ import annotations

from plimsoll.entry.call import Headers

_SINGLE = ("content-type", "content-length")


def header(headers: Headers, name: str) -> str:
    """The last value of that name; `name` in lower case."""
    return next((value for key, value in reversed(headers) if key == name), "")


def merged(headers: Headers) -> dict[str, str]:
    """One value per name: duplicates joined by a comma.

    Names with an underscore are left out: under CGI rules `x_id` would pass for `x-id`.
    """
    values: dict[str, str] = {}
    for name, value in headers:
        if "_" in name:
            continue
        values[name] = f"{values[name]},{value}" if name in values and name not in _SINGLE else value
    return values


def request_headers(headers: Headers) -> dict[str, str]:
    """The argument `request_headers` of run(): a plain dict with names like ``X-Request-Id``."""
    return {name.title(): value for name, value in merged(headers).items() if value or name not in _SINGLE}


def is_form_type(content_type: str) -> bool:
    """Whether a plain run() gets an empty string: the body of a form is no data to it, by long custom."""
    kind, _, options = content_type.partition(";")
    kind = kind.strip().lower()
    return kind == "application/x-www-form-urlencoded" or (
        kind == "multipart/form-data" and "boundary=" in options.lower()
    )
