"""What messages and tables show of a value that may be, or hold, a secret."""

from __future__ import annotations

import re

_SECRET = re.compile("KEY|PASS|SECRET|TOKEN|CREDENTIAL|LOGIN", re.IGNORECASE)
_LOGIN = re.compile(r"//[^/@\s]*@")
_QUERY = re.compile(r"\?.+", re.DOTALL)


def is_secret(variable: str) -> bool:
    """Whether a variable is, by its name, a secret."""
    return _SECRET.search(variable) is not None


def without_login(url: str) -> str:
    """A URL without what logs in: the name and password before its host, the query behind its path."""
    return _QUERY.sub("?<SECRET>", _LOGIN.sub("//<SECRET>@", url)) if "//" in url else url
