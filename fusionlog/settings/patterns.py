"""Texts of the systems file that are checked when it is read: regular expressions, formats, zones, encodings."""

from __future__ import annotations

import re
import warnings
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from fusionlog.utils.encodings import check_encoding
from fusionlog.utils.json_format import JsonFormat
from fusionlog.utils.regex_cost import worst_text
from fusionlog.utils.timezones import zone_of

_CATASTROPHIC = (
    "it takes too long where {!r} goes on and on; let what is repeated begin and end with different characters, or "
    "make it possessive, as [a-z]++"
)


def _compiles(pattern: str | None) -> str | None:
    """Return a regular expression that compiles.

    :raises ValueError: it does not.
    """
    if pattern is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from error
        except Warning as error:  # as [[:alpha:]], which Python reads as another set
            raise ValueError(f"not clear as a regular expression: {error}; write \\[ for a bracket") from error
    return pattern


def _ends(pattern: str | None) -> str | None:
    """Return a regular expression that no short text keeps busy.

    :raises ValueError: one does.
    """
    text = None if pattern is None else worst_text(pattern)
    if text is not None:
        raise ValueError(_CATASTROPHIC.format(text))
    return pattern


def _ends_always(pattern: str) -> str:
    _ends(_compiles(pattern))
    return pattern


def _named_as_python(pattern: object) -> object:
    """An expression whose groups are named as in Java, PCRE and Go, `(?<name>...)`, in Python's notation."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern) if isinstance(pattern, str) else pattern


def _splits(pattern: str | None) -> str | None:
    """Return an expression that splits a line's header from its content, in a time that has a bound.

    :raises ValueError: it has no group `content`, or takes too long.
    """
    if _compiles(pattern) is None or pattern is None:
        return None
    names = [name.lower() for name in re.compile(pattern).groupindex]
    if "content" not in names:
        raise ValueError("it needs a group (?P<content>...) for what stands behind the header")
    text = worst_text(pattern, re.DOTALL, whole_lines=True)
    if text is not None:
        raise ValueError(_CATASTROPHIC.format(text))
    return pattern


def _renders(format: str | None) -> str | None:
    """Return a format of JSON lines that can be used."""
    JsonFormat(format)
    return format


def _is_zone(name: object) -> str:
    """Return the name of a time zone.

    :raises ValueError: there is no such zone.
    """
    if not isinstance(name, str):
        raise ValueError(f"YAML reads this offset as {name!r}: write it between quotes, as '+10:00'")
    zone_of(name)
    return name


def _keeps(text: str) -> str:
    """Return a name, or an expression with one group.

    :raises ValueError: it is neither.
    """
    if KEPT_NAME.fullmatch(text):
        return text
    _ends(_compiles(text))
    if re.compile(text).groups != 1:
        raise ValueError(
            f"{text!r} is no name, and as a regular expression it needs one group: what is kept, as (\\d+)"
        )
    if re.search(text, ""):
        raise ValueError(f"{text!r} matches the empty text; let it need one character at least")
    return text


KEPT_NAME = re.compile(r"[\w@][\w@.-]*")
"""The name of a field or a key in `keep`."""

SearchPattern = Annotated[str | None, AfterValidator(_compiles), AfterValidator(_ends)]
MaskPattern = Annotated[str, AfterValidator(_ends_always)]
KeepPattern = Annotated[str, AfterValidator(_keeps)]
HeaderPattern = Annotated[str | None, BeforeValidator(_named_as_python), AfterValidator(_splits)]
LineFormat = Annotated[str | None, AfterValidator(_renders)]
TextEncoding = Annotated[str, AfterValidator(check_encoding)]
TimeZone = Annotated[str, BeforeValidator(_is_zone)]
