"""The settings of `--profile`, declared as those of a server are (see plimsoll.settings.serving)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from plimsoll.settings.declarations import Field, Group

DEFAULT_SEED = 20201


@dataclass(frozen=True, kw_only=True)
class ProfileSettings:
    """What `--profile` needs beside the serving settings."""

    deployment: Annotated[
        str | None,
        Group.SCRIPT,
        Field("Deployment file of Azure ML v2 or KServe, which names script, model and limits.", "FILE"),
    ] = None
    inference_config_file: Annotated[
        str | None, Group.SCRIPT, Field("Azure ML inference configuration, which names the entry script.", "FILE")
    ] = None
    model: Annotated[
        tuple[str, ...],
        Group.SCRIPT,
        Field("Name and path of a model, for Model.get_model_path(). Can be repeated.", "NAME=PATH"),
    ] = ()
    profile: Annotated[
        str | None,
        Group.PROFILING,
        Field(
            "Profile the model with these requests instead of serving it. Takes a text file with one body per line,"
            " CSV, Parquet, a folder or zip of files, or - for standard input.",
            "FILE",
        ),
    ] = None
    verify: Annotated[
        str | None,
        Group.PROFILING,
        Field(
            "Run the server inside the limits that this profile.json recommends, and report whether they hold."
            " Needs --profile for the requests.",
            "FILE",
        ),
    ] = None
    budget: Annotated[
        str,
        Group.PROFILING,
        Field("Time for all measurements: quick (45 s), default (3 min), thorough (10 min) or seconds.", "TIME"),
    ] = "default"
    target_rps: Annotated[
        float | None,
        Group.PROFILING,
        Field("Requests per second that the deployment must carry. Gives the number of replicas.", "X", gt=0),
    ] = None
    slo: Annotated[
        str | None,
        Group.PROFILING,
        Field("Latency objective that each replica must meet, such as p99=200ms.", "OBJECTIVE"),
    ] = None
    max_cpu: Annotated[
        float | None, Group.PROFILING, Field("Largest number of cores to recommend per replica.", "CORES", gt=0)
    ] = None
    max_memory_gb: Annotated[
        float | None,
        Group.PROFILING,
        Field("Largest amount of memory to recommend per replica, in GB (10^9 bytes).", "GB", gt=0),
    ] = None
    skip_verification: Annotated[
        bool,
        Group.PROFILING,
        Field("Do not test the recommendation inside its own limits. Faster, but the grade stays 'estimated'."),
    ] = False
    output: Annotated[str, Group.PROFILING, Field("Folder for profile.json and the reports.", "FOLDER")] = (
        "plimsoll-profile"
    )
    name: Annotated[
        str | None, Group.PROFILING, Field("Name of the profile. Default: the name of the entry script.", "TEXT")
    ] = None
    description: Annotated[str | None, Group.PROFILING, Field("Free text stored in profile.json.", "TEXT")] = None
    tag_model: Annotated[
        bool,
        Group.PROFILING,
        Field("Write the recommendation to plimsoll.json in the model folder, where serving finds it."),
    ] = False
    seed: Annotated[int, Group.PROFILING, Field("Seed for the order and the arrival times of requests.", "N", ge=0)] = (
        DEFAULT_SEED
    )
    format: Annotated[
        str | None,
        Group.REQUESTS,
        Field(
            "One of lines, csv, parquet, folder, zip, envelope, collected, sagemaker. Default: recognised by name and"
            " content.",
            "FORMAT",
        ),
    ] = None
    content_type: Annotated[
        str | None, Group.REQUESTS, Field("Content-Type of every request. Default: recognised for each row.", "TYPE")
    ] = None
    max_rows: Annotated[int, Group.REQUESTS, Field("Most rows to use; of more, a sample of all sizes.", "N", ge=1)] = (
        10_000
    )
    max_dataset_bytes: Annotated[
        int, Group.REQUESTS, Field("Most bytes of rows to use; of more, a sample of all sizes.", "BYTES", ge=1)
    ] = 512 * 2**20
    arrivals: Annotated[
        Literal["poisson", "recorded"],
        Group.REQUESTS,
        Field(
            "When requests fall due in the open loop: at random instants, or with the gaps between recorded ones,"
            " scaled to the rate that is measured."
        ),
    ] = "poisson"
    fail_if: Annotated[
        tuple[str, ...],
        Group.GATES,
        Field("Exit with code 5 if this condition is true, such as 'p99>200ms'. Can be repeated.", "CONDITION"),
    ] = ()
    baseline: Annotated[
        str | None,
        Group.GATES,
        Field("An earlier profile.json to compare with. Exit with code 5 if the model has regressed.", "FILE"),
    ] = None
    max_regression: Annotated[
        str | None, Group.GATES, Field("Largest regression from the baseline to accept. Default: 10%.", "PERCENT")
    ] = None
    require: Annotated[
        str | None,
        Group.GATES,
        Field("Exit with code 6 below this grade (estimated, soft-verified, verified).", "GRADE"),
    ] = None
    cpu_profile: Annotated[
        str | None,
        Group.GPU,
        Field("profile.json of the same model on CPUs. Reports whether GPU or CPU costs less per request.", "FILE"),
    ] = None
    gpu_price_ratio: Annotated[
        float, Group.GPU, Field("Price of one GPU in vCPUs, for the comparison with --cpu-profile.", "X", gt=0)
    ] = 8.0
