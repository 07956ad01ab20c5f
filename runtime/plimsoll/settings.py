"""Every setting, declared once: type, default, limits, flag, environment names, help.

Flags, environment look-up, config file and the reference page are made from these declarations. Precedence:
flag > environment > config file > default. A setting is read once, by `resolve`, and passed on frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from plimsoll.declarations import Aliases, Field, Setting, declared
from plimsoll.errors import UsageError
from plimsoll.setting_values import Invalid, value_of

ENVIRONMENT_PREFIX = "PLIMSOLL_"
DEFAULT_SEED = 20201


def azure(*names: str, flag: str = "", values: Mapping[str, str] | None = None) -> Aliases:
    return Aliases(names, (flag,) if flag else (), values or {})


# Whatever Python's logging knows: Azure ML's server takes any text for a level, and uses none.
_LEVELS = {
    "notset": "debug",
    "warn": "warning",
    "fatal": "critical",
    "10": "debug",
    "20": "info",
    "30": "warning",
    "40": "error",
    "50": "critical",
}


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """What the serving process needs. Times in seconds unless the name says ms."""

    entry_script: Annotated[
        str | None,
        Field(
            description="Path of score.py, relative to the current folder;"
            " in an app root that is set: score.py, else main.py."
        ),
        azure("AZUREML_ENTRY_SCRIPT"),
    ] = None
    app_root: Annotated[
        str | None,
        Field(description="Folder on the script's import path; default: the current folder."),
        azure("AML_APP_ROOT"),
    ] = None
    source_dir: Annotated[
        str | None,
        Field(description="Further folder on the import path, relative to the app root."),
        azure("AZUREML_SOURCE_DIRECTORY"),
    ] = None
    model_dir: Annotated[
        str | None,
        Field(description="Folder of the model files; the script sees it as AZUREML_MODEL_DIR."),
        azure("AZUREML_MODEL_DIR"),
    ] = None
    tf1_compat: Annotated[
        bool, Field(description="Let scripts written for TensorFlow 1 run: 'tensorflow' is its version-1 interface.")
    ] = False
    service_name: Annotated[str, Field(description="Name in the description of the API."), azure("SERVICE_NAME")] = (
        "ML service"
    )
    service_version: Annotated[
        str, Field(description="Version in the description of the API."), azure("SERVICE_VERSION")
    ] = "1.0"
    service_path_prefix: Annotated[
        str, Field(description="Path prefix in the description of the API."), azure("SERVICE_PATH_PREFIX")
    ] = ""
    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="Port to listen on.")] = 5001
    workers: Annotated[
        int,
        Field(ge=1, le=256, description="Model worker processes; each loads the model. With GPUs: one for each."),
        azure("WORKER_COUNT", flag="worker_count"),
    ] = 1
    threads: Annotated[
        int,
        Field(ge=1, le=256, description="Calls that one worker runs at a time; above 1 only for a thread-safe run()."),
    ] = 1
    max_batch_size: Annotated[
        int | None,
        Field(ge=1, description="Most calls that a run() under @batch gets at once; default: what the script says."),
    ] = None
    gpu: Annotated[
        Literal["auto", "required", "off"],
        Field(description="Use the GPUs that are there, insist on one (exit code 3 without), or use none."),
    ] = "auto"
    warmup: Annotated[
        str | None,
        Field(description="File of requests, as for --profile, that every worker runs before it is ready."),
    ] = None
    health_port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="Further port that serves the same, for probes."),
        azure("HEALTH_PORT"),
    ] = None
    scoring_timeout_ms: Annotated[
        int,
        Field(
            ge=1,
            description="Longest time for one run(), or between two pieces of a stream; then 504, and a new worker.",
        ),
        azure("SCORING_TIMEOUT_MS"),
    ] = 3_600_000
    timeout_status: Annotated[
        Literal[500, 504], Field(description="Status of a call over the scoring timeout; Azure ML answers 500.")
    ] = 504
    max_body_bytes: Annotated[int, Field(ge=0, description="Largest request body; above it 413.")] = 64 * 2**20
    max_buffer_bytes: Annotated[
        int | None,
        Field(
            ge=0,
            description="Memory for request bodies over 64 KiB that are not yet answered, and as much again for large"
            " answers not yet sent; further bodies wait, then 429. Never less than --max-body-bytes; default: 256 MiB,"
            " or a quarter of the memory limit where that is less.",
        ),
    ] = None
    max_head_bytes: Annotated[
        int, Field(ge=1024, description="Largest request line and headers together; above it 431.")
    ] = 64 * 2**10
    head_timeout: Annotated[
        float, Field(gt=0, description="Seconds that a request line and headers may take; then 408.")
    ] = 10.0
    body_timeout: Annotated[float, Field(gt=0, description="Seconds that a request body may take; then 408.")] = 60.0
    min_body_rate: Annotated[
        float, Field(ge=0, description="Bytes per second below which a body is given up after 5 s; then 408.")
    ] = 1024.0
    send_timeout: Annotated[
        float, Field(gt=0, description="Seconds for which a client may take nothing of its answer; then it is cut off.")
    ] = 60.0
    max_connections: Annotated[int, Field(ge=1, description="Open connections; above it 503.")] = 1024
    max_queue: Annotated[int, Field(ge=0, description="Calls that may wait for a slot; above it 429.")] = 256
    keep_alive: Annotated[int, Field(ge=1, description="Seconds that an idle connection is kept open.")] = 75
    max_requests: Annotated[
        int, Field(ge=0, description="Calls after which a worker is replaced by a fresh one; 0 is never.")
    ] = 0
    max_memory: Annotated[
        float,
        Field(ge=0, description="MB of resident memory at which a worker is replaced by a fresh one; 0 is never."),
    ] = 0.0
    drain_seconds: Annotated[
        float, Field(ge=0, description="On SIGTERM: seconds to go on accepting while readiness already says 503.")
    ] = 0.0
    grace_seconds: Annotated[
        float, Field(gt=0, description="On SIGTERM: seconds that calls under way may take to finish.")
    ] = 30.0
    api_keys_file: Annotated[
        str | None,
        Field(description="File with one API key per line; /score then wants 'Authorization: Bearer KEY'."),
    ] = None
    cors_origins: Annotated[
        str | None,
        Field(description="Origins that browsers may call from, separated by commas, or *."),
        azure("AML_CORS_ORIGINS", flag="access_control_allow_origins"),
    ] = None
    tls_cert: Annotated[str | None, Field(description="PEM file with the certificate chain; serves HTTPS.")] = None
    tls_key: Annotated[str | None, Field(description="PEM file with the certificate's private key.")] = None
    server_version_header: Annotated[
        bool,
        Field(description="Send x-ms-server-version with every answer."),
        azure("SERVER_VERSION_LOG_RESPONSE_ENABLED"),
    ] = True
    tracing: Annotated[
        bool, Field(description="Send an OpenTelemetry span per request; the OTEL_… variables say where to.")
    ] = False
    log_format: Annotated[Literal["text", "json"], Field(description="Form of the log lines.")] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"],
        Field(description="Least severe log line that is written."),
        azure("AZUREML_LOG_LEVEL", values=_LEVELS),
    ] = "info"


@dataclass(frozen=True, kw_only=True)
class ProfileSettings:
    """What `--profile` needs beside the serving settings."""

    profile: Annotated[
        str | None,
        Field(
            description="Profile instead of serve, with these requests: a file with one body per line, CSV, Parquet,"
            " a folder or zip of files, or - for standard input."
        ),
    ] = None
    budget: Annotated[
        str, Field(description="How long to measure: quick (45 s), default (3 min), thorough (10 min) or seconds.")
    ] = "default"
    target_rps: Annotated[
        float | None, Field(gt=0, description="Requests per second that the deployment must carry.")
    ] = None
    max_cpu: Annotated[float | None, Field(gt=0, description="Most cores that may be recommended per replica.")] = None
    max_memory_gb: Annotated[
        float | None, Field(gt=0, description="Most memory, in GB (10^9 bytes), that may be recommended per replica.")
    ] = None
    content_type: Annotated[
        str | None, Field(description="Content-Type of every request; default: by the content of each row.")
    ] = None
    slo: Annotated[str | None, Field(description="Latency that each replica must keep, such as p99=200ms.")] = None
    verify: Annotated[
        str | None,
        Field(description="Verify this profile.json: run inside its recommended limits and say whether they hold."),
    ] = None
    skip_verification: Annotated[
        bool,
        Field(
            description="Do not run the recommendation inside its own limits: faster, and the grade stays estimated."
        ),
    ] = False
    format: Annotated[
        str | None,
        Field(description="Form of the requests: lines, csv, parquet, folder, zip or envelope; default: by the name."),
    ] = None
    max_rows: Annotated[int, Field(ge=1, description="Most rows that are used; more are sampled by size.")] = 10_000
    max_dataset_bytes: Annotated[
        int, Field(ge=1, description="Most bytes of rows that are used; more are sampled by size.")
    ] = 512 * 2**20
    fail_if: Annotated[
        tuple[str, ...], Field(description="Exit with 5 when this holds, such as 'p99>200ms'; may be repeated.")
    ] = ()
    baseline: Annotated[
        str | None, Field(description="profile.json to compare with; exit with 5 when the model has become worse.")
    ] = None
    max_regression: Annotated[
        str | None, Field(description="How much worse than the baseline is still well, such as 10%.")
    ] = None
    require: Annotated[
        str | None, Field(description="Exit with 6 below this grade: estimated, soft-verified or verified.")
    ] = None
    cpu_profile: Annotated[
        str | None,
        Field(description="profile.json of the same model on CPUs: says which of the two costs less per request."),
    ] = None
    gpu_price_ratio: Annotated[
        float, Field(gt=0, description="What one GPU costs, in vCPUs; only with a CPU profile to compare with.")
    ] = 8.0
    tag_model: Annotated[
        bool, Field(description="Write the recommendation beside the model, as plimsoll.json in the model folder.")
    ] = False
    inference_config_file: Annotated[
        str | None, Field(description="Azure ML's inference configuration; names the entry script.")
    ] = None
    model: Annotated[
        tuple[str, ...], Field(description="NAME=PATH of a model, found by Model.get_model_path; may be repeated.")
    ] = ()
    output: Annotated[str, Field(description="Folder for profile.json and the other results.")] = "plimsoll-profile"
    name: Annotated[str | None, Field(description="Name of the profile; default: the entry script's.")] = None
    description: Annotated[str | None, Field(description="Free text kept in profile.json.")] = None
    seed: Annotated[int, Field(ge=0, description="Seed of the request order.")] = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Settings from a JSON file: keys are our names, or the names of the environment variables."""

    path: str
    values: Mapping[str, Any]


SettingsModel = TypeVar("SettingsModel", ServeSettings, ProfileSettings)


def flag(name: str) -> str:
    """The command-line form of a setting's name."""
    return "--" + name.replace("_", "-")


def no_flag(name: str) -> str:
    """The form that turns a yes-or-no setting off."""
    return "--no-" + name.replace("_", "-")


def environment_names(name: str, setting: Setting) -> tuple[str, ...]:
    """Environment variables that set `name`, most important first; a config file knows the same names."""
    return (ENVIRONMENT_PREFIX + name.upper(), *setting.aliases.names)


def resolve(
    model: type[SettingsModel],
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    config: ConfigFile | None = None,
) -> tuple[SettingsModel, dict[str, str]]:
    """The settings, and for each one that is not at its default the source that set it.

    Raises UsageError naming the setting, its source and what is allowed.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, setting in declared(model).items():
        found = _find(name, setting, flags, environment, config)
        if found is not None:
            raw, sources[name] = found
            values[name] = _checked(setting, raw, sources[name])
    return model(**values), sources


def _find(
    name: str, setting: Setting, flags: Mapping[str, Any], environment: Mapping[str, str], config: ConfigFile | None
) -> tuple[Any, str] | None:
    if flags.get(name) not in (None, ()):
        return flags[name], f"flag {flag(name)}"
    for variable in environment_names(name, setting):
        if environment.get(variable):
            return environment[variable], f"environment {variable}"
    for key in (name, *environment_names(name, setting)) if config else ():
        if config is not None and config.values.get(key) not in (None, ""):
            return config.values[key], f"{config.path}: {key}"
    return None


def _checked(setting: Setting, raw: Any, source: str) -> Any:
    try:
        return value_of(setting, raw)
    except Invalid as error:
        raise UsageError(f"{source} = {raw!r}: {error}") from None
