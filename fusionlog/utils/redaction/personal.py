"""Personal data: names of people, dates of birth, numbers of accounts, cards, phones and documents, and addresses.

A number is taken for one of a person by the word before it, or by a form with a check digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from ipaddress import ip_address

from fusionlog.errors import MissingExtraError
from fusionlog.utils.redaction.grammar import QUOTE, Rule, keep_key

_TO = rf"(?:{QUOTE})?\s{{0,3}}(?:=>|[:=#]|%3[AD]|\bis\b)?\s{{0,3}}(?:{QUOTE})?"
"""What may stand between a word and its value."""
_EQUALS = rf"(?:{QUOTE})?\s{{0,3}}(?:=>|[:=]|%3[AD])\s{{0,3}}(?:{QUOTE})?"
_START = r"(?:(?<![A-Za-z0-9])|(?<=[a-z])(?=[A-Z])|(?<=%2[27])|(?<=u002[27]))"
"""Where a word begins: also in a name of several, as `customerPhone` or `customer_phone`."""

_CAPITALISED = r"[^\W\d_a-z][\w.'’-]{0,40}"
_FULL_NAME = rf"{_CAPITALISED}(?:[ ]{_CAPITALISED}){{0,3}}(?<![.'’-])"
_PERSON_NAME = re.compile(
    rf"(?P<key>{_START}(?i:(?:first|last|full|given|family|middle|sur|maiden|real|nick|card ?holder|holder)[_ -]?name"
    rf"|fullname|forename|vorname|nachname"
    rf"|cardholder|gecos){_EQUALS})(?!<)(?:(?<=[\"'`])[^\"'`\\\n]{{1,80}}|{_FULL_NAME}|[^\W\d_][\w.'’-]{{0,40}})"
    rf"|(?P<key2>\b(?i:customer|patient|employee|contact|client|passenger|guest|driver|applicant|recipient"
    rf"|beneficiary|account holder|person)"
    rf"(?i:['’]s|s)?(?i:[_ -]?name)(?i:{_EQUALS}))(?!<)(?:(?<=[\"'`])[^\"'`\\\n]{{1,80}}|{_FULL_NAME})"
    rf"|(?P<key3>\b(?i:customer|kunde|kundin|client|patient|employee|passenger|guest|applicant|beneficiary|account"
    rf" holder)(?i:{_EQUALS})){_CAPITALISED}[ ]{_FULL_NAME}"
    rf"|(?P<key4>\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Mme|Monsieur|Madame|Sr|Sra|Señor|Señora)\.? ){_FULL_NAME}"
    rf"|(?P<key5>\b(?:CN|cn)=){_CAPITALISED}[ ]{_FULL_NAME}(?=,)",
)
_MONTH = r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)\w{0,6}\.?"
_DATE = (
    rf"(?:\d{{4}}[-/.]?\d{{2}}[-/.]?\d{{2}}(?:T[\d:.]{{5,15}}Z?)?|\d{{1,2}}[-/. ]{{1,2}}(?:\d{{1,2}}|{_MONTH})[-/."
    rf" ]{{1,2}}\d{{2,4}}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}})"
)
_BIRTH = re.compile(
    rf"(?P<key>{_START}(?:dob|d\.o\.b\.|date[_ -]?of[_ -]?birth|birth[_ -]?(?:date|day)|born(?:[_ -]on)?"
    rf"|geburts(?:datum|tag)|geb\.|geboren am|née? le"
    rf"|fecha[_ -]?de[_ -]?nacimiento|fecha[_ -]?nacimiento|date[_ -]?de[_ -]?naissance|data[_ -]?di[_ -]?nascita"
    rf"|生年月日|出生日期){_TO})(?!<){_DATE}",
    re.IGNORECASE,
)
_DOCUMENTS = (
    r"(?i:ssn|social[_ -]?security(?:[_ -]?(?:number|no))?|nino|national[_ -]?insurance|national[_ -]?id|tax[_"
    r" -]?(?:id|number|payer[_ -]?id)|steuer[_ -]?(?:id|nr|nummer|identifikationsnummer)"
    r"|id[_ -]?card|identity[_ -]?(?:card|number)|personalausweis|ausweis|dni|cpf|cnpj|curp|bsn|pesel|aadhaar|aadhar"
    r"|personnummer|personal[_ -]?number|hetu|henkilötunnus|codice[_ -]?fiscale"
    r"|egn|cnp|rrn|ahv|insee|nir|medicare|nhs|passport|reisepass|driving[_ -]?licen[cs]e|drivers?['’]?s?[_"
    r" -]?licen[cs]e|licen[cs]e[_ -]?plate|number[_ -]?plate|kennzeichen|vin"
    r"|account[_ -]?(?:number|no|nr)|konto(?:nummer)?|routing[_ -]?number|sort[_ -]?code|iban|bic"
    r"|身份证|身份證|マイナンバー|주민등록번호)|SIN|NIE|NIF|TIN|EIN|ITIN|AHV|NIR|RUT"
)
_DOCUMENT = re.compile(
    rf"(?P<key>{_START}(?:{_DOCUMENTS})(?:[_ .-]{{0,2}}(?i:numbers?|no|nr|num|id)\b\.?)?{_TO})(?!<)"
    r"(?=[A-Z0-9 ./-]{0,30}\d)(?:[A-Z]{1,3}[ -]){0,2}[A-Z0-9]+(?:[ ./-](?=[A-Z0-9]{0,8}\d)[A-Z0-9]{1,9}){0,6}(?![\w])",
)
_PHONE_NUMBER = r"\+?\(?\d(?:[ ./()-]{0,2}\d){6,14}(?!\d)"
_PHONE = re.compile(
    rf"(?P<key>{_START}(?:phone|telephone|tel|telefon|mobile|mobil|cell|cellphone|msisdn|fax|handy|whatsapp|sms to"
    rf"|caller[_ -]?id)\.?(?:[_ -]?(?:number|no|nr|nummer)\b\.?)?{_TO})(?!<){_PHONE_NUMBER}",
    re.IGNORECASE,
)
_PHONE_FORM = re.compile(
    r"(?<![\w.+:/=-])(?:\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}|\+[1-9]\d{7,14}"
    r"|\(\d{3}\)[ -]?\d{3}-\d{4})(?![\w-]|\.\d)"
    r"|(?<=[=:])\+[1-9]\d{7,14}(?!\w)"
    r"|\b(?P<key>(?i:call(?:ing|ed)?|dial(?:l?ing|l?ed)?)\s)(?:\+?1[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"
    r"|(?<![\w.+:/=-])(?:1-)?[2-9]\d{2}-[2-9]\d{2}-\d{4}(?![\w-]|\.\d)"
)
_CARD_CODE = re.compile(
    rf"(?P<key>{_START}(?:cvv2?|cvc2?|card[_ -]?(?:security|verification)[_ -]?code){_TO})\d{{3,4}}\b", re.IGNORECASE
)
_POSTAL = re.compile(
    rf"(?P<key>{_START}(?:street|street[_ -]?address|address[_ -]?line[_ -]?[12]?|home[_ -]?address|postal[_"
    rf" -]?address|zip|zip[_ -]?code|post(?:al)?[_ -]?code|plz|strasse|straße)"
    rf"{_EQUALS})(?!<)(?:(?<=[\"'`])[^\"'`\\\n]{{1,100}}|[A-Z0-9][\w-]{{2,9}}\b)",
    re.IGNORECASE,
)
_POSITION = re.compile(
    rf"(?P<key>{_START}(?:lat|lon|lng|long|latitude|longitude){_EQUALS})-?\d{{1,3}}\.\d{{3,}}", re.IGNORECASE
)

_STREET = re.compile(
    r"\b\d{1,5}[a-z]?\s(?:[A-Z][\w.'’-]{1,30}\s){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Boulevard|Blvd|Court"
    r"|Square)\b"
    r"|\b[A-ZÄÖÜ][a-zäöüß]{2,30}(?:straße|strasse|gasse|allee|platz)\s\d{1,4}[a-z]?\b"
)
_COORDINATES = re.compile(
    r"(?P<key>\b(?:gps|coordinates?|coords|location|position|geo)\W{1,3})(?!<)-?\d{1,2}\.\d{3,},\s?-?\d{1,3}\.\d{3,}",
    re.IGNORECASE,
)

_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_CARD = re.compile(r"(?<![\w.-])(?:[3-6]\d{3}|2[2-7]\d{2})(?:[ -]?\d){9,15}(?![\w-])")
_SSN = re.compile(r"(?<![\w.:/-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)")
_CHECKED = re.compile(
    r"(?<![\w.:/-])(?:(?P<cpf>\d{3}\.\d{3}\.\d{3}-\d{2})|(?P<ahv>756\.\d{4}\.\d{4}\.\d{2})"
    r"|(?P<codice>[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z])"
    r"|(?P<ric>[1-8]\d{5}(?:19|20)\d{9}[\dX])|(?P<hetu>\d{6}[-+A]\d{3}[0-9A-Y])|(?P<dni>\d{8}-?[A-HJ-NP-TV-Z])"
    r"|(?P<pnr>(?:19|20)?\d{6}[-+]\d{4})"
    r"|(?P<nino>(?![DFIQUV])[A-CEGHJ-PR-TW-Z](?![DFIQUVO])[A-NP-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D])"
    r"|(?P<aadhaar>[2-9]\d{3} \d{4} \d{4}))(?![\w-]|\.\d)"
)
_STANDARDS = {
    "cpf": "br.cpf", "ahv": "ch.ssn", "codice": "it.codicefiscale", "ric": "cn.ric", "hetu": "fi.hetu", "dni": "es.dni",
    "pnr": "se.personnummer", "aadhaar": "in_.aadhaar",
}  # fmt: skip
_MAC = re.compile(r"(?<![\w:.-])[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})(?![\w:-])")

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}\b")
IPV4 = re.compile(rf"(?<![\w.])(?:(?<!:)::ffff:)?(?:{_OCTET}\.){{3}}{_OCTET}(?![\w]|\.\d)", re.IGNORECASE)
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,38}[0-9])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\d)")


@cache
def _check(standard: str) -> Callable[[str], bool]:
    """Whether a text is a number of a standard, its check digit included."""
    try:
        is_valid: Callable[[str], bool] = import_module(f"stdnum.{standard}").is_valid
    except ModuleNotFoundError as error:
        raise MissingExtraError("stdnum", "agents", "redacting a line") from error
    return is_valid


def is_ipv6(text: str) -> bool:
    """`12:34:56` and `a::b` of C++ have colons too: an address it is when the standard library reads one."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ipv6(found: re.Match[str]) -> str:
    return "<IP>" if is_ipv6(found[0]) else found[0]


def _card(found: re.Match[str]) -> str:
    """Only what passes the check digit of ISO/IEC 7812 (Luhn)."""
    digits = found[0].replace(" ", "").replace("-", "")
    return "<CARD>" if len(digits) <= 19 and digits.isascii() and _check("luhn")(digits) else found[0]


def _iban(found: re.Match[str]) -> str:
    return "<IBAN>" if _check("iban")(found[0]) else found[0]


def _checked(found: re.Match[str]) -> str:
    standard = _STANDARDS.get(found.lastgroup or "")
    return "<ID>" if found[0].isascii() and (standard is None or _check(standard)(found[0])) else found[0]


_NAME_HINTS = (
    "name", "vorname", "cardholder", "gecos", "customer", "kund", "client", "patient", "employee", "passenger", "guest",
    "applicant", "beneficiary", "account holder", "mr. ", "mr ", "mrs", "ms. ", "miss ", "dr. ", "dr ", "prof", "herr ",
    "frau ", "mme ", "monsieur", "madame", "sr. ", "sra", "señor", "cn=",
)  # fmt: skip
_DOCUMENT_HINTS = (
    "ssn", "social", "nino", "national", "tax", "steuer", "card", "identity", "ausweis", "dni", "cpf", "cnpj", "curp",
    "bsn", "pesel", "aadha", "personal", "personn", "hetu", "henkil", "codice", "egn", "cnp", "rrn", "ahv", "insee",
    "nir", "medicare", "nhs", "pass", "licen", "driv", "plate", "kennzeichen", "vin", "account", "konto", "routing",
    "sort", "iban", "bic", "身", "マイ", "주민", "sin", "nie", "nif", "tin", "ein", "rut",
)  # fmt: skip
PEOPLE = (
    Rule(_IBAN, _iban),
    Rule(_CARD_CODE, keep_key("<SECRET>"), ("cvv", "cvc", "code")),
    Rule(_BIRTH, keep_key("<DATE>"), ("dob", "birth", "born", "geb", "née", "né le", "nac", "nais", "nasc", "生")),
    Rule(_PERSON_NAME, keep_key("<NAME>"), _NAME_HINTS),
    Rule(_POSTAL, keep_key("<ADDRESS>"), ("street", "address", "zip", "post", "plz", "stra")),
    Rule(_POSITION, keep_key("<POSITION>"), ("lat", "lon", "lng")),
    Rule(_COORDINATES, keep_key("<POSITION>"), ("gps", "coord", "location", "position", "geo")),
    Rule(
        _STREET,
        "<ADDRESS>",
        ("st", "road", "rd", "ave", "lane", "blvd", "boul", "court", "squa", "gass", "alle", "plat"),
    ),
    Rule(_DOCUMENT, keep_key("<ID>"), _DOCUMENT_HINTS),
    Rule(
        _PHONE,
        keep_key("<PHONE>"),
        ("phone", "tel", "mobil", "cell", "msisdn", "fax", "handy", "whatsapp", "sms", "caller"),
    ),
    Rule(_CARD, _card),
    Rule(_CHECKED, _checked),
    Rule(_SSN, "<ID>", ("-",)),
    Rule(_PHONE_FORM, keep_key("<PHONE>"), ("+", "(", "-", "dial", "call")),
    Rule(_MAC, "<MAC>"),
)
ADDRESSES = (
    Rule(EMAIL, "<EMAIL>", ("@", "%40")),
    Rule(IPV4, "<IP>"),
    Rule(IPV6, _ipv6, (":",)),
)
"""What pseudonyms may stand for, too: e-mail and IP addresses."""
