"""The options of `plimsoll manifest`, by the names of the fields of ManifestOptions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import click

from plimsoll.deploy.flags import ABOVE_ZERO, COUNT, REPLICAS, REQUIRE
from plimsoll.deploy.manifest.formats import DEFAULT_FORMAT, FORMATS
from plimsoll.deploy.manifest.options import DEFAULT_PORT, PROMETHEUS_URL, Compute, LoadMetric, Scaler

_FREE_PORT = click.IntRange(1024, 65535)
_FILE = click.Path(path_type=Path)

SECTIONS: Mapping[str, tuple[click.Parameter, ...]] = {
    "What is written": (
        click.Option(
            ["--profile"], type=_FILE, metavar="FILE", help="profile.json of the model. With --job, of an earlier run."
        ),
        click.Option(
            ["--image"], required=True, help="The image to run, with script and model in it, or the model on a claim."
        ),
        click.Option(["--format", "format_"], type=click.Choice([*FORMATS]), default=DEFAULT_FORMAT, show_default=True),
        click.Option(["--name"], help="Name of the objects. Default: made of that of the profile."),
        click.Option(["--namespace"], help="Their namespace. Default: the one that is current when they are applied."),
        click.Option(
            ["--label", "labels"],
            multiple=True,
            metavar="KEY=VALUE",
            help="A label of the objects, such as the release that a Prometheus operator looks for. Can be repeated.",
        ),
        click.Option(["--require"], **REQUIRE),
        click.Option(
            ["--output", "-o"],
            type=_FILE,
            metavar="PATH",
            help="Write to this file instead of standard output; a format of several files to this folder.",
        ),
    ),
    "Replicas": (
        click.Option(
            ["--replicas"], type=REPLICAS, metavar="N", help="A fixed number of replicas, without an autoscaler."
        ),
        click.Option(
            ["--target-rps"],
            type=ABOVE_ZERO,
            metavar="R",
            help="Requests per second to carry. Default: the profile's own target.",
        ),
        click.Option(
            ["--autoscale"],
            metavar="MIN:MAX",
            help="Bounds of the autoscaler. Default: what the target needs, and twice that.",
        ),
        click.Option(
            ["--scale"], type=click.Choice(get_args(Scaler)), help="By CPU (hpa, the default) or by requests (keda)."
        ),
        click.Option(
            ["--scale-on"],
            type=click.Choice(get_args(LoadMetric)),
            help="What KEDA looks at: requests/s, or calls under way.",
        ),
        click.Option(["--prometheus"], metavar="URL", help=f"Which Prometheus KEDA asks. Default: {PROMETHEUS_URL}"),
    ),
    "Container": (
        click.Option(
            ["--env", "environment"], multiple=True, metavar="NAME=VALUE", help="A variable. Can be repeated."
        ),
        click.Option(["--port"], type=_FREE_PORT, default=DEFAULT_PORT, show_default=True, help="Port of the server."),
        click.Option(
            ["--model-claim"], metavar="NAME", help="PersistentVolumeClaim with the model, for AZUREML_MODEL_DIR."
        ),
        click.Option(
            ["--keys-secret"], metavar="NAME", help="Secret with the API keys, one per line, under the key 'keys'."
        ),
        click.Option(
            ["--tls-secret"],
            metavar="NAME",
            help="Secret of the type kubernetes.io/tls: the server then speaks HTTPS alone.",
        ),
        click.Option(["--pull-secret"], metavar="NAME", help="Secret for the registry of the image."),
    ),
    "Nodes": (
        click.Option(["--gpu"], type=COUNT, metavar="N", help="GPUs of each replica. Default: as profiled."),
        click.Option(["--mig"], metavar="PROFILE", help="Slices of a GPU instead of whole ones, such as 1g.10gb."),
        click.Option(
            ["--node-selector"], multiple=True, metavar="KEY=VALUE", help="A label of the nodes. Can be repeated."
        ),
        click.Option(
            ["--startup-boost"], is_flag=True, help="Add more CPU for the start (VPA), if it needs more than serving."
        ),
    ),
    "Monitoring": (
        click.Option(
            ["--monitor"],
            is_flag=True,
            help="Add a ServiceMonitor, alert rules at the load line, and a Grafana dashboard.",
        ),
        click.Option(["--dashboard"], is_flag=True, help="Instead, the Grafana dashboard alone, as JSON to import."),
    ),
    "Other formats": (
        click.Option(
            ["--model"],
            metavar="URI",
            help="The model, where a platform fetches it: azureml:NAME:VERSION, s3://…, pvc://….",
        ),
        click.Option(["--container"], metavar="NAME", help="Container that a patch or a VPA is for. Default: server."),
        click.Option(
            ["--base"],
            metavar="FOLDER",
            help="What the overlay of Kustomize lies over. Default: a component without one.",
        ),
        click.Option(["--compute"], type=click.Choice(get_args(Compute)), help="Of Azure ML. Default: managed VMs."),
        click.Option(["--instance-type"], metavar="TYPE", help="VM of a replica on Azure ML or SageMaker."),
    ),
    "A Job that profiles": (
        click.Option(["--job"], is_flag=True, help="Instead, a Job that profiles on the nodes that will serve."),
        click.Option(
            ["--requests"],
            metavar="PATH",
            help="What it sends: a path in its container. Default: requests.txt beside score.py, or on --data-claim.",
        ),
        click.Option(
            ["--data-claim"], metavar="NAME", help="PersistentVolumeClaim for the Job's requests and its profile."
        ),
        click.Option(["--budget"], metavar="TIME", help="quick, default, thorough or seconds."),
    ),
}
"""Options by the titles under which --help lists them."""


class Sectioned(click.Command):
    """Its --help lists the options under those titles."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, options in {**SECTIONS, "Help": (self.get_help_option(ctx),)}.items():
            rows = [row for option in options if option and (row := option.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(rows)
