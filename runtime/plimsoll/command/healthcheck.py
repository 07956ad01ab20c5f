"""`plimsoll healthcheck`: asks the server in this container whether it is ready, for HEALTHCHECK and exec probes.

Runs every few seconds beside the model, so it imports next to nothing: no settings model, no HTTP client. Where the
server listens is found as the server itself finds it: flags (ours, else those of process 1, which in a container
is the server), environment, config file, the platform whose contract is spoken, default.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_USAGE = """\
Usage: plimsoll healthcheck [--live] [--port N] [--tls] [--timeout SECONDS]

Asks the server in this container for /health/ready (--live: /health/live) and prints one line.
Port and scheme are taken from the server's own flags, environment and config file.
Exit codes: 0 healthy, 1 not.
"""
_DEFAULT_PORT = "5001"
_DEFAULT_TIMEOUT_S = 4.0
_ENVIRONMENT = {
    "port": ("PLIMSOLL_PORT",),
    "health_port": ("PLIMSOLL_HEALTH_PORT", "HEALTH_PORT"),
    "host": ("PLIMSOLL_HOST",),
    "contract": ("PLIMSOLL_CONTRACT",),
    "tls_cert": ("PLIMSOLL_TLS_CERT",),
    "app_root": ("PLIMSOLL_APP_ROOT", "AML_APP_ROOT"),
    "inference_config_file": ("PLIMSOLL_INFERENCE_CONFIG_FILE",),
    "config_file": ("AZUREML_CONFIG_FILE", "PLIMSOLL_CONFIG_FILE"),
}
_ANY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104
_ANSWER_BYTES_MAX = 64 * 1024


def main(arguments: Sequence[str]) -> int:
    """Prints the reason and returns the exit code: 0 or 1, the only two that HEALTHCHECK knows."""
    if {"--help", "-h"} & set(arguments):
        sys.stdout.write(_USAGE)
        return 0
    try:
        given = _parsed(arguments)
        place = Place(_read_file("/proc/1/cmdline").split("\0"), os.environ)
        port, timeout_s = int(given["--port"] or place.port()), float(given["--timeout"])
    except ValueError as error:
        return _say(1, f"{error}, see plimsoll healthcheck --help")
    path = "/health/live" if given["--live"] else "/health/ready"
    return _ask(place.host(), port, path, tls=bool(given["--tls"]) or place.tls(), timeout_s=timeout_s)


def _parsed(arguments: Sequence[str]) -> dict[str, str]:
    """By hand, as argparse takes half as long to import as all the rest. A switch that is given is its own value."""
    given = {"--live": "", "--tls": "", "--port": "", "--timeout": str(_DEFAULT_TIMEOUT_S)}
    rest = iter(arguments)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in ("--port", "--timeout"):
            given[name] = value if equals else next(rest, "")
        elif word in given:
            given[word] = word
        else:
            raise ValueError(f"unknown argument {word!r}")
    return given


class Place:
    """Where the server listens. `command` is the command line of process 1, whatever that is."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        server = next((at for at, word in enumerate(command) if word.endswith("plimsoll")), None)
        self._flags = dict(_flags(command)) if server is not None else {}
        self._serves = server is not None and list(command[server + 1 : server + 2]) == ["serve"]
        self._environment = environment
        self._config: Mapping[str, Any] = {}
        self._config = self._read_config()

    def port(self) -> str:
        return self._find("health_port") or self._find("port") or self._platforms_port() or _DEFAULT_PORT

    def host(self) -> str:
        host = self._find("host")
        return ("::1" if ":" in host else "127.0.0.1") if host in _ANY_ADDRESS else host

    def _platforms_port(self) -> str:
        """Empty where Azure ML's contract is spoken; what is imported for the others costs more than all the rest."""
        setting = self._find("contract") or "auto"
        shows = self._serves or any(name.startswith("AIP_") for name in self._environment)
        if setting == "azureml" or (setting == "auto" and not shows):
            return ""
        from plimsoll.contracts.platform import Start, chosen, defaults
        from plimsoll.errors import UsageError

        start = Start(self._environment, self._serves)
        try:
            said = defaults(chosen(setting, start).value, start).get("port")
        except UsageError:
            return ""  # the server has not started either
        return str(said.value) if said else ""

    def tls(self) -> bool:
        return bool(self._find("tls_cert"))

    def _find(self, name: str) -> str:
        if name in self._flags:
            return self._flags[name]
        names = _ENVIRONMENT[name]
        given = (self._environment.get(variable) for variable in names)
        written = (self._config.get(key) for key in (name, *names))
        return str(next((value for value in (*given, *written) if value not in (None, "")), ""))

    def _read_config(self) -> Mapping[str, Any]:
        """The file that was named, else the one in the app root; none where an empty name was given."""
        if self._flags.get("config_file") == "":
            return {}
        named = self._find("config_file")
        return _read_json(named or os.path.join(self._app_root(), "config.json"))

    def _app_root(self) -> str:
        """An inference configuration gives one too, which counts where the configuration was named."""
        given, file = self._find("app_root"), self._find("inference_config_file")
        by_variable = "inference_config_file" not in self._flags
        if "app_root" in self._flags or (by_variable and self._environment.get("PLIMSOLL_APP_ROOT")):
            return given
        source = str(_read_json(file).get("sourceDirectory") or "") if file else ""
        if source and not os.path.isdir(source):  # noqa: PTH112  as pathlib costs more than the rest
            source = os.path.join(os.path.dirname(file), source)  # noqa: PTH120
        return source or given


def _read_json(path: str) -> Mapping[str, Any]:
    """An object; empty where there is none."""
    text = _read_file(path)
    if not text:
        return {}
    import json

    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _flags(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--port 1` and `--port=1`, with `_` for `-` as the server takes it too; of two, the last counts."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        name = name.removeprefix("--").replace("-", "_")
        if word.startswith("--") and name in _ENVIRONMENT:
            yield name, value if equals else following


def _ask(host: str, port: int, path: str, *, tls: bool, timeout_s: float) -> int:
    url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{path}"
    try:
        answer = _exchange(host, port, path, tls, timeout_s)
    except OSError as error:
        return _say(1, f"no answer from {url}: {error.strerror or error}")
    head, _, body = answer.partition("\r\n\r\n")
    status = (head.split(maxsplit=2) + ["", ""])[1]
    if status == "200":
        return _say(0, f"{path.rpartition('/')[2]}: {url}")
    return _say(1, f"{url} answers {status or 'no HTTP'}: {_reason(body)}")


def _exchange(host: str, port: int, path: str, tls: bool, timeout_s: float) -> str:
    with socket.create_connection((host, port), timeout_s) as plain:
        connection = _encrypted(plain) if tls else plain
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) < _ANSWER_BYTES_MAX and (data := connection.recv(_ANSWER_BYTES_MAX)):
            answer += data
    return answer.decode("utf-8", "replace")


def _encrypted(plain: socket.socket) -> socket.socket:
    """Without looking at the certificate: it is made out to a name, not to the loopback address."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def _reason(body: str) -> str:
    import json

    try:
        return str(json.loads(body)["reason"])
    except (ValueError, LookupError, TypeError):
        return body.strip().partition("\n")[0][:200] or "an empty body"


def _read_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _say(code: int, line: str) -> int:
    sys.stdout.write(line + "\n")
    return code
