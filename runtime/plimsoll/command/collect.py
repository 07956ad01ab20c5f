"""`plimsoll collect export`: collected records as one Parquet file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from plimsoll.command.parquet import export


@click.group(
    "collect", context_settings={"help_option_names": ["-h", "--help"]}, help="Work with what --collect has recorded."
)
def command() -> None:
    pass


@command.command("export", help="Write the records below FOLDER to one Parquet file, a row for each.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT.parquet", type=click.Path(path_type=Path))
@click.option("--collection", metavar="NAME", help="Only this collection, such as request or model_inputs.")
def _export(folder: Path, output: Path, collection: str | None) -> int:
    found = export(folder, output, collection)
    torn = f"; {found.torn} lines are no records and were left out" if found.torn else ""
    sys.stdout.write(f"{found.records} records of {found.files} files written to {output}{torn}\n")
    return 0
