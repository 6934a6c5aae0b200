"""`fusionlog encoder`: the directory of the encoder, made at first use; `encoder export` makes another model's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from fusionlog import settings
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.observability.logs import configure
from fusionlog.settings import Settings
from fusionlog.utils.files import writing

app = typer.Typer(help="Print the directory of the encoder; the first call makes it.", invoke_without_command=True)


@app.callback()
def encoder(context: typer.Context) -> None:
    """Print the directory of the encoder; the first call makes it: the bundled one within seconds and without torch."""
    if context.invoked_subcommand is None:
        typer.echo(_find(settings.load()))


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="a sentence-transformers model: its directory, or its name on the hub")],
    to: Annotated[Path | None, typer.Option(help="write it to this new directory; default: the cache")] = None,
) -> None:
    """Make the encoder of another model by sentence-transformers; all workers get it by FUSIONLOG_ENCODER."""
    if to is not None and to.exists():
        raise SettingError("--to", str(to), "it exists; name a new directory")
    config = settings.load()
    made = _find(config.model_copy(update={"encoder": None, "encoder_model": model}))
    if to is not None:
        with writing(to):
            made = shutil.copytree(made, to)
    typer.echo(made)


def _find(config: Settings) -> Path:
    try:
        from fusionlog.embedding.encoder import find_encoder
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "onnxruntime", "agents", "the encoder") from error
    configure(config)
    return find_encoder(config)
