"""The words and forms of codes: what a key is called, how a code is written, and which texts are codes of a key."""

from __future__ import annotations

import re


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


NUMBER = "-?[0-9]{10}|-?[0-9]{1,5}|0[xX][0-9A-Fa-f]{1,8}"
DSN = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}"
GRPC = (
    "OK|Cancell?ed|Unknown|InvalidArgument|DeadlineExceeded|NotFound|AlreadyExists|PermissionDenied|ResourceExhausted|"
    "FailedPrecondition|Aborted|OutOfRange|Unimplemented|Internal|Unavailable|DataLoss|Unauthenticated"
)
END = r"(?![0-9A-Za-z_%]|/(?![A-Z]{2})|[.:-][0-9])"
SQLSTATE = "(?=[A-Z]*[0-9])[0-9A-Z]{5}(?![0-9A-Za-z])"
OPENED = r"[\"'`\\(\[{<]{0,4}"
CLOSING = "\"'`\\)]"
CLOSED = r"[\"'`\\)\]]{0,4}"
IS = "(?:=>|:=|==|[=:>])"
KEYS = (
    "status|code|kod|codigo|código|errno|err|error|fehler|sqlcode|signal|sig|dsn|exit|rc|ret|retval|rv|reason|result|"
    "exitvalue|werror|winerror|number"
)
STATES = "sqlstate|sql_state|sql_state_code|sqlerrcode|state"
KEY_ENDS = (*KEYS.split("|"), *STATES.split("|"))
KEY_LETTERS = frozenset(letter for each in KEY_ENDS for letter in (each[-1], each[-1].upper()))
WIDE = (
    "状态码|狀態碼|错误码|錯誤碼|返回码|退出码|响应码|错误代码|状态代码|"
    "エラーコード|終了コード|ステータスコード|상태코드|오류코드"
)

CODE_OF = words_of(
    "exit return returned result status error response reply reason close closing fault failure termination "
    "completion abort alert message disconnect upstream backend reject condition server exited fehler exception "
    "process command"
)
"""What the word before `code` may end with: of an identifier (`postal_code`) and of a sentence."""
SHORT_CODE_OF = words_of("ret err http https sql smtp rpc grpc rsp resp rc cond os api")
BEFORE_CODE = words_of(
    "with a an the by got and unexpected nonzero non-zero returns failed exits terminated ended finished "
    "completed closed aborted died quit received unhandled"
)
NUMBERS_OF = words_of("alert error signal errno exit status")
BOUND = words_of("code kod codigo código err error exit rc ret retval rv reason result sig signal dsn state")
"""Keys that are not the end of a longer word: `src` has no `rc`."""

LONGER = frozenset(("error", "err", "errno", "sqlcode", "fehler", "werror", "winerror"))
"""Kinds with codes of four digits: `error 1064`, `errno 10054`."""
LONGER_CODES = ("error", "err", "close", "sql", "reason", "fault", "event", "closing")
PART = re.compile(r"([A-Z]?[a-z0-9]+|[A-Z0-9]+)[_.-]?\Z")


def is_part(key: str, before: str, first: str) -> bool:
    """Whether a key is the end of a longer word: `rc` of `src`, not of `lastRc`."""
    last = before[-1:]
    return key in BOUND and key != "code" and last.isalpha() and (last.isupper() or not first.isupper())


def qualifier_of(before: str) -> str:
    """The last part of a name before its last word: `exit` of `last_exit`, `lastExit.`."""
    found = PART.search(before)
    return found[1].lower() if found else ""


def may_qualify(qualifier: str) -> bool:
    """Whether this word before `code` makes it a code that decides; none does as well."""
    if not qualifier or qualifier in SHORT_CODE_OF:
        return True
    return qualifier in CODE_OF or any(qualifier.endswith(each) for each in CODE_OF if len(each) > 3)


def is_accepted(key: str, text: str, qualifier: str = "") -> bool:
    """Whether the text of a candidate is a code of its kind."""
    if not text[-1].isdigit() and text[:1].isalpha():
        return key in ("code", "status")
    if "." in text:
        return key in ("dsn", "status", "code") and text[0] in "245"
    if key == "dsn":
        return False
    if key in ("signal", "sig"):
        return text.isdigit() and int(text) <= 64
    if key in LONGER or (key in ("code", "number") and qualifier.endswith(LONGER_CODES)):
        return is_short(text, 4) or (len(text) == 5 and text.startswith("100"))
    if key == "code" and text.startswith("10") and len(text) == 4:
        return int(text) <= 1015
    return is_short(text, 3)


def is_short(text: str, digits: int) -> bool:
    """Whether a number has few digits, or is a status of Windows."""
    if text[:2] in ("0x", "0X"):
        return len(text) <= 6 or (len(text) == 10 and text[2:4].lower() in ("80", "c0"))
    if len(text) >= 10:
        return text.startswith(("-1073", "-2147", "322122"))
    return len(text.lstrip("-")) <= digits


def is_http(text: str) -> bool:
    """Whether a text is an HTTP status, and not the port of HTTPS."""
    return text.isdigit() and len(text) == 3 and 100 <= int(text) <= 599 and text != "443"


def is_reply(text: str) -> bool:
    """Whether a number begins as the replies of SMTP and FTP do."""
    return text[0] in "2345"
