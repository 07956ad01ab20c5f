"""Every setting, declared once: type, default, limits, flag, environment names, help.

Flags, environment look-up, config file, `--help` and the reference page are made from these declarations. Precedence:
flag > environment > config file > default. A setting is read once (plimsoll.settings.resolution) and passed on frozen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from plimsoll.settings.declarations import Field, Group, azure

HEARTBEAT_TIMEOUT_S = 60
"""gunicorn's master replaces a front that has not beaten its heart for so long."""
_STOP_SLACK_S = 5


def longest_stop_s(drain_s: float, grace_s: float) -> int:
    """From SIGTERM to the end: the drain, the running calls, then the workers, which get as long again."""
    return math.ceil(drain_s + 2 * grace_s + _STOP_SLACK_S)


# Whatever Python's logging knows: Azure ML's server takes any text for a level, and uses none.
_LEVELS = {"notset": "debug", "warn": "warning", "fatal": "critical"}
_LEVELS |= {"10": "debug", "20": "info", "30": "warning", "40": "error", "50": "critical"}


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """What the serving process needs. Times in seconds unless the name says ms."""

    entry_script: Annotated[
        str | None,
        Group.SCRIPT,
        Field(
            "The score.py to serve, relative to the current folder."
            " Default: score.py in the current folder; with an app root, score.py or else main.py in it.",
            "FILE",
        ),
        azure("AZUREML_ENTRY_SCRIPT"),
    ] = None
    app_root: Annotated[
        str | None,
        Group.SCRIPT,
        Field("Folder to add to the script's import path. Default: the current folder.", "FOLDER"),
        azure("AML_APP_ROOT"),
    ] = None
    source_dir: Annotated[
        str | None,
        Group.SCRIPT,
        Field("Another folder to add to the import path, relative to the app root.", "FOLDER"),
        azure("AZUREML_SOURCE_DIRECTORY"),
    ] = None
    model_dir: Annotated[
        str | None,
        Group.SCRIPT,
        Field("Folder with the model. The script finds its path in AZUREML_MODEL_DIR.", "FOLDER"),
        azure("AZUREML_MODEL_DIR"),
    ] = None
    tf1_compat: Annotated[
        bool, Group.SCRIPT, Field("Run scripts written for TensorFlow 1: 'tensorflow' is its version 1 interface.")
    ] = False
    host: Annotated[str, Group.SERVING, Field("Address to listen on.", "ADDRESS")] = "127.0.0.1"
    port: Annotated[int, Group.SERVING, Field("Port to listen on.", "PORT", ge=1, le=65535)] = 5001
    health_port: Annotated[
        int | None,
        Group.SERVING,
        Field("A second port, for health probes; it serves the same routes.", "PORT", ge=1, le=65535),
        azure("HEALTH_PORT"),
    ] = None
    contract: Annotated[
        str,
        Group.SERVING,
        Field(
            "What clients send and get: azureml (/score), sagemaker, vertex, v2 (Open Inference Protocol) or mlflow;"
            " several, separated by commas, where their routes differ. auto: as the platform that starts the server"
            " speaks, which SageMaker and Vertex AI show; azureml elsewhere.",
            "NAMES",
        ),
    ] = "auto"
    model_name: Annotated[
        str, Group.SERVING, Field("The model's name in the routes of the contract v2: /v2/models/NAME/infer.", "NAME")
    ] = "model"
    model_version: Annotated[
        str,
        Group.SERVING,
        Field(
            "The model's version in the routes of the contract v2, /v2/models/NAME/versions/VERSION. Default: none.",
            "VERSION",
        ),
    ] = ""
    workers: Annotated[
        int,
        Group.SERVING,
        Field("Model worker processes, each loading the model. Default on GPUs: one per GPU.", "N", ge=1, le=256),
        azure("WORKER_COUNT", flag="worker_count"),
    ] = 1
    threads: Annotated[
        int,
        Group.SERVING,
        Field("Calls that each worker runs at the same time. Above 1, run() must be thread-safe.", "N", ge=1, le=256),
    ] = 1
    max_batch_size: Annotated[
        int | None, Group.SERVING, Field("Largest batch for run() under @batch. Default: the script's.", "N", ge=1)
    ] = None
    service_name: Annotated[
        str, Group.SERVING, Field("Name of the service in the API description.", "TEXT"), azure("SERVICE_NAME")
    ] = "ML service"
    service_version: Annotated[
        str, Group.SERVING, Field("Version of the service in the API description.", "TEXT"), azure("SERVICE_VERSION")
    ] = "1.0"
    service_path_prefix: Annotated[
        str, Group.SERVING, Field("Prefix of the paths in the API description.", "PATH"), azure("SERVICE_PATH_PREFIX")
    ] = ""
    server_version_header: Annotated[
        bool,
        Group.SERVING,
        Field("Send the header x-ms-server-version with every response."),
        azure("SERVER_VERSION_LOG_RESPONSE_ENABLED"),
    ] = True
    scoring_timeout_ms: Annotated[
        int,
        Group.LIMITS,
        Field(
            "Longest time for one run(), or between two chunks of a stream. Beyond it the client gets 504 and the"
            " worker is replaced.",
            "MS",
            ge=1,
        ),
        azure("SCORING_TIMEOUT_MS"),
    ] = 3_600_000
    timeout_status: Annotated[
        Literal[500, 504],
        Group.LIMITS,
        Field("Status of a call that exceeds the scoring timeout. Azure ML's server answers 500."),
    ] = 504
    max_body_bytes: Annotated[
        int, Group.LIMITS, Field("Largest request body. A larger one gets 413.", "BYTES", ge=0)
    ] = 64 * 2**20
    max_buffer_bytes: Annotated[
        int | None,
        Group.LIMITS,
        Field(
            "Memory for request bodies over 64 KiB, and as much again for large responses; when it is full, requests"
            " wait up to 5 s, then get 429. Default: 256 MiB, or a quarter of the memory limit if that is less, but"
            " never less than --max-body-bytes.",
            "BYTES",
            ge=0,
        ),
    ] = None
    max_head_bytes: Annotated[
        int, Group.LIMITS, Field("Largest request line and headers together. Larger ones get 431.", "BYTES", ge=1024)
    ] = 64 * 2**10
    head_timeout: Annotated[
        float, Group.LIMITS, Field("Longest time for request line and headers to arrive; then 408.", "SECONDS", gt=0)
    ] = 10.0
    body_timeout: Annotated[
        float, Group.LIMITS, Field("Longest time for the request body to arrive; then 408.", "SECONDS", gt=0)
    ] = 60.0
    min_body_rate: Annotated[
        float,
        Group.LIMITS,
        Field(
            "Lowest rate, in bytes per second, at which a body may arrive after the first 5 s; below it, 408.",
            "X",
            ge=0,
        ),
    ] = 1024.0
    send_timeout: Annotated[
        float,
        Group.LIMITS,
        Field("Longest time that a client may read nothing of its response; then it is disconnected.", "SECONDS", gt=0),
    ] = 60.0
    max_connections: Annotated[
        int, Group.LIMITS, Field("Limit on open connections. Further ones get 503.", "N", ge=1)
    ] = 1024
    max_queue: Annotated[
        int, Group.LIMITS, Field("Limit on calls waiting for a slot. Further ones get 429.", "N", ge=0)
    ] = 256
    keep_alive: Annotated[int, Group.LIMITS, Field("How long an idle connection is kept open.", "SECONDS", ge=1)] = 75
    warmup: Annotated[
        str | None,
        Group.LIFE_CYCLE,
        Field("Requests, in any format that --profile takes, which every worker runs before it is ready.", "FILE"),
    ] = None
    max_requests: Annotated[
        int, Group.LIFE_CYCLE, Field("Replace a worker after this many calls. 0 means never.", "N", ge=0)
    ] = 0
    max_memory: Annotated[
        float,
        Group.LIFE_CYCLE,
        Field("Replace a worker when its resident memory reaches this many MB. 0 means never.", "MB", ge=0),
    ] = 0.0
    drain_seconds: Annotated[
        float,
        Group.LIFE_CYCLE,
        Field("On SIGTERM, keep serving this long while not ready (/health/ready answers 503).", "SECONDS", ge=0),
    ] = 0.0
    grace_seconds: Annotated[
        float, Group.LIFE_CYCLE, Field("On SIGTERM, how long running calls may take to finish.", "SECONDS", gt=0)
    ] = 30.0
    api_keys_file: Annotated[
        str | None,
        Group.ACCESS,
        Field(
            "File with one API key per line; it is read again when it changes."
            " /score then requires 'Authorization: Bearer KEY'.",
            "FILE",
        ),
    ] = None
    cors_origins: Annotated[
        str | None,
        Group.ACCESS,
        Field("Origins that browsers may call from, separated by commas, or * for all.", "ORIGINS"),
        azure("AML_CORS_ORIGINS", flag="access_control_allow_origins"),
    ] = None
    tls_cert: Annotated[
        str | None, Group.ACCESS, Field("PEM file with the certificate chain. Serves HTTPS; needs --tls-key.", "FILE")
    ] = None
    tls_key: Annotated[str | None, Group.ACCESS, Field("PEM file with the certificate's private key.", "FILE")] = None
    gpu: Annotated[
        Literal["auto", "required", "off"],
        Group.GPU,
        Field("auto uses GPUs if there are any; required exits with code 3 if none can be used; off hides them all."),
    ] = "auto"
    collect: Annotated[
        str | None,
        Group.COLLECTION,
        Field(
            "Record every request and answer, and what the script gives to a Collector, as JSON Lines below this"
            " folder.",
            "FOLDER",
        ),
    ] = None
    collections: Annotated[
        str | None,
        Group.COLLECTION,
        Field(
            "Collections to record, separated by commas: request, response, and those that the script names."
            " Default: all.",
            "NAMES",
        ),
    ] = None
    collect_as: Annotated[
        str | None,
        Group.COLLECTION,
        Field(
            "Names of endpoint and deployment, for the folders below --collect. Default: the service's name, default.",
            "NAME/NAME",
        ),
    ] = None
    collect_sampling_rate: Annotated[
        float, Group.COLLECTION, Field("Share of the requests that are recorded.", "X", ge=0, le=1)
    ] = 1.0
    collect_file_bytes: Annotated[
        int, Group.COLLECTION, Field("Size at which a file of records is followed by another.", "BYTES", ge=1)
    ] = 256 * 2**20
    collect_buffer_bytes: Annotated[
        int,
        Group.COLLECTION,
        Field("Memory for records not yet written; further ones are dropped and counted.", "BYTES", ge=1 << 16),
    ] = 64 * 2**20
    log_format: Annotated[Literal["text", "json"], Group.LOGGING, Field("Format of log lines.")] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"],
        Group.LOGGING,
        Field("Lowest severity that is logged."),
        azure("AZUREML_LOG_LEVEL", values=_LEVELS),
    ] = "info"
    tracing: Annotated[
        bool,
        Group.LOGGING,
        Field("Send an OpenTelemetry span for every request. The OTEL_* variables configure the exporter."),
    ] = False
