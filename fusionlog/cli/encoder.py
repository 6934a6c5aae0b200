"""`fusionlog encoder`: the directory of the exported encoder, exported on first use."""

from __future__ import annotations

import typer

from fusionlog import settings
from fusionlog.errors import MissingExtraError


def encoder() -> None:
    """Print the directory of the exported encoder; the first call exports it, which takes torch and a minute."""
    try:
        from fusionlog.embedding.encoder import find_encoder
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "onnxruntime", "agents", "the encoder") from error
    typer.echo(find_encoder(settings.load()))
