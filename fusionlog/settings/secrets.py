"""Secrets: settings that come from the environment, from files (`FUSIONLOG_..._FILE`), or from a directory of files.

For one setting, `FUSIONLOG_X` and `FUSIONLOG_X_FILE` exclude each other; either, even an empty one, comes before a file
`FUSIONLOG_X` (or `x`) in `FUSIONLOG_SECRETS_DIR`. No message has a value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from fusionlog.errors import NOT_SHOWN, SettingError
from fusionlog.settings.base import SecretUrl

PREFIX = "FUSIONLOG_"
FILE = "_FILE"
"""Ending of the variable that names the file of a secret."""
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
MOST_BYTES = 1024 * 1024
"""Of a file of one secret; a larger one is another file."""
FROM_FILE: JsonDict = {"from_file": True}
"""`json_schema_extra` of a field that is no secret and comes from files as well, such as the user's name."""
CLOSE = 0.8
"""Similarity (difflib) of a file's name to a secret's from which on it is taken for a misspelt one."""

Place = tuple[str, ...]
"""The names of the fields that lead to a setting: `("kafka", "sasl_password")`."""


def is_secret(field: FieldInfo) -> bool:
    """Whether a field holds a secret, or a URL that may hold one."""
    return _has_type(field, SecretStr) or is_url(field)


def is_url(field: FieldInfo) -> bool:
    """Whether a field holds a URL that may hold a login."""
    return _has_type(field, SecretUrl)


def _has_type(field: FieldInfo, wanted: type) -> bool:
    kinds = (field.annotation, *get_args(field.annotation))
    return any(isinstance(kind, type) and issubclass(kind, wanted) for kind in kinds)


def from_file(field: FieldInfo) -> bool:
    """Whether a field may come from a file."""
    return is_secret(field) or field.json_schema_extra == FROM_FILE


def fields_of(model: type[BaseModel], place: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    """The fields of a settings model and of its groups."""
    for name, field in model.model_fields.items():
        default = field.get_default()
        if isinstance(default, BaseModel):
            yield from fields_of(type(default), (*place, name))
        else:
            yield (*place, name), field


def variable(place: Place) -> str:
    """The environment variable of a field."""
    return PREFIX + "__".join(place).upper()


def file_settings(model: type[BaseModel]) -> dict[str, Place]:
    """The variables of the settings that may come from files, with their places."""
    return {variable(place): place for place, field in fields_of(model) if from_file(field)}


def file_variables(model: type[BaseModel]) -> dict[str, str]:
    """The variables that name files, with that of their setting. A setting whose own name ends in _FILE is not one."""
    own = {variable(place) for place, _ in fields_of(model)}
    return {f"{name}{FILE}": name for name in file_settings(model) if f"{name}{FILE}" not in own}


def secret_variables(model: type[BaseModel]) -> frozenset[str]:
    """The variables that hold secrets."""
    return frozenset(variable(place) for place, field in fields_of(model) if is_secret(field))


def file_of(path: Path) -> str:
    """The secret in a file: its text without one line end.

    :raises ValueError: there is none; the message continues a sentence on the file.
    """
    try:
        if path.is_dir():
            raise ValueError("is a directory; name a file in it")
        if not path.exists():
            raise ValueError("does not exist")
        if not path.is_file():
            raise ValueError("is no regular file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"has more than {MOST_BYTES} bytes; a secret has fewer")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None  # the error would hold the bytes
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ValueError("is empty; write the secret into it")
    return text


def named_files(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, Path]:
    """The files that `FUSIONLOG_..._FILE` variables name, by the variable of their setting.

    :raises SettingError: a setting has both variables, or the path is not absolute.
    """
    found: dict[str, Path] = {}
    for by_file, name in file_variables(model).items():
        value = environment.get(by_file, "")
        if not value:
            continue
        if not value.startswith("/"):
            raise SettingError(
                by_file, NOT_SHOWN,
                "it must be the absolute path of a file, as /run/secrets/name; the secret itself belongs in the file",
            )  # fmt: skip
        if environment.get(name):
            raise SettingError(by_file, value, f"{name} is set as well; keep one of them")
        found[name] = Path(value)
    return found


def directory_files(model: type[BaseModel], directory: Path) -> dict[str, Path]:
    """The files of a directory of secrets, by the variable of their setting.

    Hidden files, directories, and files with an ending such as ca.pem are left out.

    :raises SettingError: the directory cannot be read, or a file in it has the name of no secret.
    """
    known = file_settings(model)
    found: dict[str, Path] = {}
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise SettingError(SECRETS_DIR, str(directory), f"is no directory to read ({error.strerror})") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        name = _variable_of(entry.name)
        if name not in known:
            _refuse_misspelt(directory, entry, model)
        elif name in found:
            raise SettingError(
                SECRETS_DIR, str(directory), f"its files {found[name].name} and {entry.name} are one setting; keep one"
            )
        else:
            found[name] = entry
    return found


def read_secrets(
    model: type[BaseModel], environment: Mapping[str, str], directory: Path | None
) -> Iterator[tuple[Place, str]]:
    """The settings that come from files.

    :raises SettingError: a file cannot be used.
    """
    places = file_settings(model)
    named = named_files(model, environment)
    for name, path in named.items():
        try:
            yield places[name], file_of(path)
        except ValueError as error:
            raise SettingError(f"{name}{FILE}", str(path), f"the file {error}") from None
    for name, path in directory_files(model, directory).items() if directory is not None else ():
        if name in environment or f"{name}{FILE}" in environment:
            continue
        try:
            yield places[name], file_of(path)
        except ValueError as error:
            raise SettingError(SECRETS_DIR, str(directory), f"its file {path.name} {error}") from None


class SecretFiles(PydanticBaseSettingsSource):
    """The source of settings from files; the environment comes before it."""

    def __init__(self, settings_cls: type[BaseSettings], environment: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environment = upper(environment)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the files of all fields are read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The settings that come from files, nested by group."""
        directory = self.current_state.get("secrets_dir")
        found: dict[str, Any] = {}
        for (*groups, name), value in read_secrets(
            self.settings_cls, self._environment, Path(directory) if directory else None
        ):
            group = found
            for each in groups:
                group = group.setdefault(each, {})
            group[name] = value
        return found


def upper(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by their names in capitals: settings are read whatever the case of their names."""
    return {name.upper(): value for name, value in environment.items()}


def _variable_of(name: str) -> str:
    shown = name.upper()
    return shown if shown.startswith(PREFIX) else f"{PREFIX}{shown}"


def _refuse_misspelt(directory: Path, entry: Path, model: type[BaseModel]) -> None:
    """Refuse a file whose name is no secret's: a misspelt one would silently do nothing.

    :raises SettingError: naming it, and the nearest secret.
    """
    secrets = file_settings(model)
    stem, _, ending = entry.name.partition(".")
    another = bool(ending) or entry.is_dir()
    short = {name.removeprefix(PREFIX): name for name in secrets}
    matches = difflib.get_close_matches(_variable_of(stem).removeprefix(PREFIX), short, 1, CLOSE if another else 0.6)
    near = [short[each] for each in matches]
    if another and not near:
        return
    if _variable_of(entry.name) in {variable(place) for place, _ in fields_of(model)}:
        remedy = "no secret: set it in the environment"
    else:
        remedy = f"no secret of FusionLog; did you mean {near[0]}?" if near else f"none of {', '.join(secrets)}"
    raise SettingError(SECRETS_DIR, str(directory), f"its file {entry.name} is {remedy}")
