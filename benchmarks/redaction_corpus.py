"""The corpus of the redaction: lines with what must not leave, filled in when it is read.

A file holds a case a line: kind, category and line, with tabs between. What must go stands in ⟦…⟧. `{name:argument}` is
made up by the generator of that name, so that no secret, and nothing that looks like one, stands in a file.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from stdnum import luhn, verhoeff
from stdnum.cn import ric
from stdnum.fr import nir
from stdnum.iso7064 import mod_11_10, mod_97_10
from stdnum.it import codicefiscale

Kind = Literal["credential", "personal", "harmless"]

CORPUS = Path(__file__).parents[1] / "tests" / "utils" / "redaction"
MARKED = re.compile(r"⟦(.*?)⟧", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """A line; `parts` are the parts of it that must go, none of a harmless one."""

    kind: Kind
    category: str
    text: str
    parts: tuple[str, ...]


def leaks(part: str, shown: str) -> bool:
    """Whether so much of a part is shown that it is not gone: a third of it, five characters at least."""
    size = min(len(part), max(5, len(part) // 3))
    return any(part[start : start + size] in shown for start in range(len(part) - size + 1))


def read_corpus(path: Path) -> list[Case]:
    """The cases of a file. The same file gives the same lines.

    :raises ValueError: a line is no case; the message has its number.
    """
    return [_case(path, number, line) for number, line in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line and not line.startswith("#"):
            yield number, line


def _case(path: Path, number: int, line: str) -> Case:
    kind, _, rest = line.partition("\t")
    category, _, marked = rest.partition("\t")
    if kind not in get_args(Kind) or not marked:
        raise ValueError(f"{path}, line {number}: kind, category and line are expected, with tabs between")
    filled = fill(marked, random.Random(f"{path.name}:{number}"))
    parts = tuple(MARKED.findall(filled))
    if bool(parts) == (kind == "harmless"):
        raise ValueError(f"{path}, line {number}: what must go stands in ⟦…⟧, and nothing of a harmless line does")
    return Case(kind, category, MARKED.sub(r"\1", filled), parts)  # type: ignore[arg-type]


def fill(text: str, rng: random.Random) -> str:
    """The text with `{name:argument}` replaced by what the generators make."""
    return _TO_FILL.sub(lambda found: _GENERATORS[found[1]](rng, found[2] or ""), text)


def _characters(alphabet: str) -> Callable[[random.Random, str], str]:
    """A generator of so many characters; of ten or more, those of several kinds have a digit and both cases."""

    def make(rng: random.Random, size: str) -> str:
        drawn = [rng.choice(alphabet) for _ in range(int(size))]
        for place, kind in enumerate((string.digits, string.ascii_lowercase, string.ascii_uppercase)):
            if len(drawn) >= 10 and set(kind) & set(alphabet):
                drawn[2 + 3 * place] = rng.choice(sorted(set(kind) & set(alphabet)))
        return "".join(drawn)

    return make


_digits = _characters(string.digits)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _url_encoded(value: Mapping[str, object] | bytes) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _jwt(rng: random.Random, _: str) -> str:
    claims = {"sub": _digits(rng, "8"), "iat": 1_700_000_000}
    return f"{_url_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_url_encoded(claims)}.{_url_encoded(rng.randbytes(32))}"


def _pem(rng: random.Random, label: str, line_break: str = "\n") -> str:
    rows = [_encoded(rng.randbytes(48).decode("latin-1"))[:64] for _ in range(4)]
    return line_break.join([f"-----BEGIN {label}-----", *rows, f"-----END {label}-----"])


def _iban(rng: random.Random, country: str) -> str:
    account = {"DE": "d:18", "FR": "d:23", "GB": "NWBK,d:14", "NL": "INGB,d:10"}[country]
    bank, _, size = account.rpartition(",")
    own = bank + _digits(rng, size.partition(":")[2])
    return country + mod_97_10.calc_check_digits(own + country) + own


def _grouped(number: str, separator: str = " ") -> str:
    return separator.join(number[start : start + 4] for start in range(0, len(number), 4))


def _card(rng: random.Random, form: str) -> str:
    prefix, size = form.split(":")
    number = prefix + _digits(rng, str(int(size) - len(prefix) - 1))
    return number + luhn.calc_check_digit(number)


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _cpf(rng: random.Random, _: str) -> str:
    number = _digits(rng, "9")
    for count in (9, 10):
        number += str(_weighted(number, tuple(range(count + 1, 1, -1))) * 10 % 11 % 10)
    return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"


def _codice_fiscale(rng: random.Random, _: str) -> str:
    letters = "".join(rng.choice("BCDFGHLMNPRSTV") for _ in range(6))
    number = f"{letters}{rng.randint(10, 99)}{rng.choice('ABCDEHLMPRST')}{rng.randint(10, 28)}H{rng.randint(101, 999)}"
    return number + codicefiscale.calc_check_digit(number)


def _aadhaar(rng: random.Random, _: str) -> str:
    number = str(rng.randint(3, 9)) + _digits(rng, "10")
    return _grouped(number + verhoeff.calc_check_digit(number))


def _steuer_id(rng: random.Random, _: str) -> str:
    """Ten digits, one of them twice, and a check digit of ISO 7064."""
    digits = rng.sample(string.digits[1:], 9)
    number = "".join([*digits, digits[2]])
    return number + mod_11_10.calc_check_digit(number)


def _bsn(rng: random.Random, _: str) -> str:
    while True:
        number = str(rng.randint(1, 9)) + _digits(rng, "7")
        check = _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
        if check < 10:
            return f"{number}{check}"


def _pesel(rng: random.Random, _: str) -> str:
    number = f"{rng.randint(50, 99)}{rng.randint(10, 12)}{rng.randint(10, 28)}{_digits(rng, '4')}"
    return number + str(-_weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def _ric(rng: random.Random, _: str) -> str:
    number = f"110105{rng.randint(1950, 1999)}{rng.randint(10, 12)}{rng.randint(10, 28)}{_digits(rng, '3')}"
    return number + ric.calc_check_digit(number)


def _ahv(rng: random.Random, _: str) -> str:
    number = "756" + _digits(rng, "9")
    check = -_weighted(number, (1, 3) * 6) % 10
    return f"756.{number[3:7]}.{number[7:11]}.{number[11]}{check}"


def _nir(rng: random.Random, _: str) -> str:
    number = f"{rng.randint(1, 2)}{rng.randint(50, 99)}{rng.randint(10, 12)}75{_digits(rng, '6')}"
    return number + nir.calc_check_digits(number)


def _personnummer(rng: random.Random, _: str) -> str:
    birth = f"{rng.randint(50, 99)}{rng.randint(10, 12)}{rng.randint(10, 28)}"
    number = birth + _digits(rng, "3")
    return f"{birth}-{number[6:]}{luhn.calc_check_digit(number)}"


def _hetu(rng: random.Random, _: str) -> str:
    birth, own = f"{rng.randint(10, 28)}{rng.randint(10, 12)}{rng.randint(50, 99)}", f"{rng.randint(2, 899):03d}"
    return f"{birth}-{own}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(birth + own) % 31]}"


def _sin(rng: random.Random, _: str) -> str:
    number = str(rng.randint(1, 7)) + _digits(rng, "7")
    number += luhn.calc_check_digit(number)
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def _dni(rng: random.Random, _: str) -> str:
    number = str(rng.randint(1, 9)) + _digits(rng, "7")
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


_GENERATORS: dict[str, Callable[[random.Random, str], str]] = {
    "an": _characters(string.ascii_letters + string.digits),
    "lo": _characters(string.ascii_lowercase + string.digits),
    "up": _characters("ABCDEFGHJKLMNPQRSTUVWXYZ234567"),
    "hex": _characters("0123456789abcdef"),
    "d": _digits,
    "b64": _characters(string.ascii_letters + string.digits + "+/"),
    "b64u": _characters(string.ascii_letters + string.digits),
    "bech": _characters("ACDEFGHJKLMNPQRSTUVWXYZ023456789"),
    "uuid": lambda rng, _: str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
    "jwt": _jwt,
    "pem": _pem,
    "pem1": lambda rng, label: _pem(rng, label, "\\n"),
    "b64of": lambda _, text: _encoded(text),
    "b64json": lambda _, text: _encoded(json.dumps(dict([text.split(":")]))),
    "iban": _iban,
    "ibans": lambda rng, country: _grouped(_iban(rng, country)),
    "card": _card,
    "cards": lambda rng, form: _grouped(_card(rng, form)),
    "cardh": lambda rng, form: _grouped(_card(rng, form), "-"),
    "ssn": lambda rng, _: f"{rng.randint(100, 599)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
    "nino": lambda rng, _: f"{rng.choice(('AB', 'CE', 'JK'))}{_digits(rng, '6')}{rng.choice('ABCD')}",
    "cpf": _cpf,
    "codicefiscale": _codice_fiscale,
    "aadhaar": _aadhaar,
    "steuerid": _steuer_id,
    "bsn": _bsn,
    "pesel": _pesel,
    "ric": _ric,
    "ahv": _ahv,
    "nir": _nir,
    "personnummer": _personnummer,
    "hetu": _hetu,
    "sin": _sin,
    "dni": _dni,
}
_TO_FILL = re.compile(rf"\{{({'|'.join(_GENERATORS)})(?::([^{{}}⟦⟧]*))?\}}")
