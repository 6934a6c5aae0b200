"""Masks for what must not be shown: logins in URLs, and the values of a URL's query."""

from __future__ import annotations

import re

STARS = "***"
_LOGIN_IN_TEXT = re.compile(r"""(://)[^\s/?#"'<>]*@""")
_LOGIN = re.compile(r"^(\s*[A-Za-z][A-Za-z0-9+.-]*://|).*@", re.DOTALL)
_QUERY_VALUE = re.compile(r"([?&][^=&#\s]*=)[^&#\s]*")


def masked_text(text: str) -> str:
    """A text in which the login of every URL is `***`."""
    return _LOGIN_IN_TEXT.sub(rf"\1{STARS}@", text) if "://" in text else text


def masked_url(url: str) -> str:
    """A URL, or addresses with a login, without the login and the values of the query.

    All before the last @ is masked: a password may hold the characters that end a host.
    """
    return _QUERY_VALUE.sub(rf"\1{STARS}", _LOGIN.sub(rf"\1{STARS}@", url))


def has_secret(url: str) -> bool:
    """Whether a URL holds a login, or a query that may hold a key."""
    return masked_url(url) != url
