"""`fusionlog keys`: make and rotate the keys that sign records, show the public ones, sign what is unsigned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from fusionlog import settings
from fusionlog.cli.printing import at
from fusionlog.errors import DataError, SettingError
from fusionlog.signing.key_set import SETTING, KeySet, PublicKey, added, read_key_set, without, write_key_set
from fusionlog.signing.keys import PrivateKey, key_id
from fusionlog.signing.kinds import SIGNERS, kinds_of
from fusionlog.utils.files import writing

app = typer.Typer(
    help="Make and rotate the keys that sign labels and releases; sign what is unsigned.", no_args_is_help=True
)

PUBLIC = "public-keys.json"
Directory = Annotated[Path, typer.Option("--dir", help="directory of the keys; its .pem files are secret")]


@app.command()
def generate(
    signers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SIGNER]...",
            help="trainer, label, score, operator, or one of them with a name, such as operator-ann; default: the four",
        ),
    ] = None,
    directory: Directory = Path("keys"),
) -> None:
    """Make a private key a signer (SIGNER.pem, mode 0600), and add its public half to public-keys.json."""
    names = list(dict.fromkeys(signers or SIGNERS))
    for name in names:
        kinds_of(name)
    keys = _known(directory)
    for name in names:
        if keys.of(name) or _private(directory, name).exists():
            raise DataError(_private(directory, name), "is there already", f"run  fusionlog keys rotate {name}")
    for name in names:
        keys = _make(directory, keys, name)
    _print_next(directory)


@app.command()
def rotate(
    signer: Annotated[str, typer.Argument(help="the signer, as `fusionlog keys show` names it")],
    directory: Directory = Path("keys"),
    compromised: Annotated[
        bool, typer.Option("--compromised", help="trust nothing any longer that the earlier keys of the signer signed")
    ] = False,
) -> None:
    """Replace the private key of a signer; its public key is added.

    The key before it stays valid beside the new one. A key before that is retired: what it signed stays valid, it signs
    nothing new.
    """
    keys = _known(directory)
    if not any(key.signer == signer for key in keys.keys.values()):
        known = ", ".join(sorted({key.signer for key in keys.keys.values()})) or "none"
        raise SettingError("SIGNER", signer, f"{directory / PUBLIC} has no key of it (it has {known})")
    _make(directory, without(keys, signer) if compromised else keys, signer)
    _print_next(directory)


@app.command()
def show(
    directory: Annotated[
        Path | None, typer.Option("--dir", help=f"directory of the keys; default: {SETTING} of the environment")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a line")] = False,
) -> None:
    """Show the public keys: their ids, their signers, and what each signs; and which one this process signs with."""
    config = settings.load()
    path = config.signing.public_keys if directory is None else directory / PUBLIC
    if path is None:
        raise SettingError(SETTING, None, "set it, or name a directory with --dir")
    keys, own = read_key_set(path), config.signatures.key
    if json:
        for id, key in keys.keys.items():
            found = {"key": id, "signer": key.signer, "signs": list(key.signs), "made": key.made, "until": key.until}
            typer.echo(msgspec.json.encode({**found, "own": id == own}).decode())
        return
    table = Table("key", "signer", "signs", "made", "state")
    table.columns[0].no_wrap = True
    for id, key in sorted(keys.keys.items(), key=lambda each: (each[1].signer, each[1].made)):
        table.add_row(id, key.signer, ", ".join(key.signs), at(key.made), _state(keys, id, key, own))
    Console().print(table)
    if own is not None and own not in keys.keys:
        _report(f"this process signs with key {own}, which {path} does not have: others refuse what it signs")


@app.command()
def sign(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be signed, and sign nothing")] = False,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="sign also where the topic has signed records already")
    ] = False,
) -> None:
    """Sign the unsigned records of the topics of labels and models with the operator's key of this process.

    For the move to signed records, before workers sign: it trusts whoever could write to these topics up to now. A
    record with a signature, a bad one included, is left as it is.
    """
    from fusionlog.kafka.sign_topics import sign_unsigned

    for topic, signed in asyncio.run(sign_unsigned(settings.load(), dry_run, mixed)).items():
        _report(f"{topic}: {signed} unsigned records {'would be' if dry_run else 'are'} signed")


def _known(directory: Path) -> KeySet:
    path = directory / PUBLIC
    return read_key_set(path, "--dir") if path.exists() else KeySet()


def _private(directory: Path, signer: str) -> Path:
    return directory / f"{signer}.pem"


def _make(directory: Path, keys: KeySet, signer: str) -> KeySet:
    """Make a key of a signer and write its halves, the public one first: without it nobody accepts the other."""
    with writing(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = PrivateKey.generate()
    keys = added(keys, signer, private.public, time.time())
    write_key_set(directory / PUBLIC, keys)
    private.write(_private(directory, signer))
    _report(
        f"{_private(directory, signer).resolve()}: key {key_id(private.public)}, signs {', '.join(kinds_of(signer))}"
    )
    return keys


def _print_next(directory: Path) -> None:
    _report(
        f"give {(directory / PUBLIC).resolve()} to every process ({SETTING}): running ones read it again; then each "
        "private key to its signer alone (FUSIONLOG_SIGNING__KEY_FILE), and restart it"
    )


def _state(keys: KeySet, id: str, key: PublicKey, own: str | None) -> str:
    words: Iterable[str] = (
        f"retired {at(key.until)}" if key.until is not None else "",
        "newest" if id == next(reversed(keys.of(key.signer)), None) else "",
        "of this process" if id == own else "",
    )
    return ", ".join(word for word in words if word)


def _report(text: str) -> None:
    Console(soft_wrap=True).print(text, markup=False, highlight=False)
