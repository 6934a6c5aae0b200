"""`fusionlog encoder`: the exported encoder, made where there is none yet."""

from __future__ import annotations

import typer

from fusionlog import settings
from fusionlog.errors import MissingExtraError


def encoder() -> None:
    """Print the directory of the exported encoder; the first time it is made, which takes torch and a minute."""
    try:
        from fusionlog.embedding.encoder import find_encoder
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "onnxruntime", "agents", "the encoder") from error
    typer.echo(find_encoder(settings.load()))
