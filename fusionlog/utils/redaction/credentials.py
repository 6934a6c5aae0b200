"""Credentials that are known by their place or their form: logins in URLs, headers, commands, sentences and tokens."""

from __future__ import annotations

import base64
import re

from fusionlog.utils.redaction.grammar import QUOTE, Rule, keep_key
from fusionlog.utils.redaction.keys import hide_keyed

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_URL_LOGIN = re.compile(r"(?<=://)[^\s/:@<>]{0,128}:[^\s/@<>]{1,256}(?=@)|(?<=://)[^\s/:@<>]{1,256}(?=@)")
_ORACLE_LOGIN = re.compile(r"(?P<key>:thin:|\bsqlplus\s+(?:-\w+\s+)?)[^\s/@<>]{1,128}/[^\s@<>]{1,256}(?=@)")

_AUTHORIZATION = re.compile(
    rf"(?P<key>\b(?:proxy-)?authorization(?:{QUOTE})?\s{{0,3}}[:=]\s{{0,3}}\[?(?:{QUOTE})?)(?!<)"
    r"(?:(?P<scheme>bearer|basic|digest|token|negotiate|apikey|api-key|ntlm|hawk|aws4-hmac-sha256)\s+(?!<)[^\s\"',;\\]+"
    r"|(?![a-z]{1,16}\b)[^\s\"',;\\]+)",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    rf"(?P<key>\b(?:set-)?cookie(?:{QUOTE})?\s{{0,3}}:\s{{0,3}}(?:{QUOTE})?)(?=[^\s=;\"']{{1,100}}=)[^\"'\n]+",
    re.IGNORECASE,
)
# Of a digest or a signed request the last field is the proof.
_PROOF = re.compile(r"(?P<key>\b(?:response|signature)=\"?)(?!<)[0-9a-f]{32,}", re.IGNORECASE)
# A word after `bearer` is a token only when it looks like one: telephone networks have bearers too.
_BEARER = re.compile(
    r"\b(?P<scheme>bearer|basic)\s+(?=[\w.~+/=-]{0,200}\d|[\w.~+/=-]{20})[\w.~+/=-]{8,}", re.IGNORECASE
)

# The part of a URL of a webhook that stands for its password.
_WEBHOOK = re.compile(
    r"(?P<key>https?://(?:hooks\.slack\.com/\w{1,20}/"
    r"|(?:\w{1,20}\.)?discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{1,30}/"
    r"|[\w.-]{0,60}\boffice\.com/webhook\w{0,3}/|api\.telegram\.org/(?:file/)?bot|events\.pagerduty\.com/integration/"
    r"|hooks\.zapier\.com/hooks/catch/|chat\.googleapis\.com/v1/spaces/"
    r"|[\w./-]{0,80}hooks?\w{0,10}/(?=\S{0,60}\d\S{0,60}[A-Za-z]\S{0,60}\d)))"
    r"(?!<)[^\s\"'<>,;)\]]{8,}(?<![.:])"
)
_SIGNED = re.compile(
    r"(?P<key>[?&;](?:sig|signature|x-amz-signature|x-goog-signature|x-amz-security-token)=)(?!<)[^\s&\"'<>,;]{16,}",
    re.IGNORECASE,
)

_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?")
# Forms that the detector leaves out, or finds beside a second secret alone.
_KNOWN_TOKEN = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{16,}|(?:sk|pk|rk)_(?:live|test)_\w{16,}|whsec_[\w+/=-]{16,}|gh[pousr]_\w{20,}"
    r"|github_pat_\w{20,}"
    r"|gl(?:pat|rt|dt|ptt|cbt|ft|oas|soat|imt|agent)-[\w.-]{16,}|xox[abeoprs](?:\.\w{3,5})?-[\w-]{10,}"
    r"|xapp-\d-[\w-]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|1//0[\w-]{30,}"
    r"|[\w~.]{3}\dQ~[\w~.-]{31,34}|LTAI[A-Za-z0-9]{12,20}|do[por]_v1_[0-9a-f]{32,}|dapi[0-9a-f]{32}(?:-\d)?"
    r"|SG\.[\w-]{16,32}\.[\w-]{16,64}|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}|(?:AC|SK|AP|SM)[0-9a-f]{32}"
    r"|pypi-[\w-]{50,}|rubygems_[0-9a-f]{40,}|dckr_(?:pat|oat)_[\w-]{20,}|lin_(?:api|oauth)_\w{30,}"
    r"|PMAK-[0-9a-f]{24}-[0-9a-f]{34}"
    r"|NR(?:AK|II|IQ|JS|RA)-[\w-]{20,}|tskey-[\w-]{16,}|sq0[a-z]{3}-[\w-]{20,}|EAAA[\w-]{50,}|ATATT3[\w=-]{40,}"
    r"|ATBB\w{28,}"
    r"|AGE-SECRET-KEY-1[0-9A-Z]{50,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|gl(?:sa|c)_[\w=-]{30,}|hv[bsr]\.[\w-]{20,}"
    r"|s\.[A-Za-z0-9]{24}"
    r"|\d{8,10}:AA[\w-]{32,34}|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}"
    r"|(?=[a-z]{0,5}\d)[a-z0-9]{6}\.(?=[a-z]{0,15}\d)[a-z0-9]{16}"
    r"|v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}|figd_[\w-]{30,}|secret_[A-Za-z0-9]{40,}|ntn_\w{40,}|ops_eyJ[\w-]{100,}"
    r"|phc_\w{40,}"
    r"|AQ\.[\w-]{30,}|gsk_\w{40,}|r8_\w{30,}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64})(?![\w-])"
)
_PASSWORD_HASH = re.compile(
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|apr1|argon2[a-z]{1,2}|pbkdf2[\w-]{0,20}|scrypt|bcrypt)\$[\w./$,=+-]{16,}"
    r"|\bSCRAM-SHA-\d{1,3}\$\d{1,8}:[\w+/=$:]{32,}"
)
# Thirty-two characters with lower case, upper case and three digits: no word of a log looks so.
_OPAQUE = re.compile(
    r"(?<![\w+=.$/-])(?=[\w+-]*?[a-z])(?=[\w+-]*?[A-Z])(?=(?:[A-Za-z_+-]*[0-9]){3})[A-Za-z0-9_+-]{32,}={0,2}(?![\w.$/])"
)
# With the marks of base64 in it: forty characters, of which a path with names has too few digits and capitals.
_BASE64 = re.compile(
    r"(?<![\w+=.$/-])(?=[\w+/]*?\+)(?=[\w+/]*?[a-z])(?=[\w+/]*?[A-Z])(?=(?:[A-Za-z+/]*[0-9]){3})[A-Za-z0-9+/]{40,}={0,2}(?![\w.$+/])"
    r"|(?<![\w+=.$/-])[A-Za-z0-9+/]{42,}={1,2}(?![\w=])"
)
_LONG_HEX = re.compile(r"(?<![\w-])(?:0x)?(?=[0-9A-Fa-f]*[0-9])(?=[0-9A-Fa-f]*[A-Fa-f])[0-9A-Fa-f]{32,}(?![\w-])")

_ENCODED = re.compile(
    r"(?<![\w+/.=-])[A-Za-z0-9+/]{11,}={0,2}(?![\w+/=])|(?<![\w.=-])[A-Za-z0-9_-]{16,}={0,2}(?![\w=-])"
)
_LOGIN = re.compile(r"[\w.@+-]{1,64}:[!-~]{4,128}")
_WORDS = re.compile(r"[A-Z]?[a-z]{3,}")
WORDS_OF_A_NAME = 0.6
"""The share of a name's characters that are in words of four letters; a random text has a tenth."""
_URL_SAFE = str.maketrans("-_", "+/")

_SHAPED = r"(?=[^\s\"',;]*[\d!@#$%^&*])(?!(?:scram|sha|md5|pbkdf|argon|bcrypt|\d+\b))[^\s\"',;<>]{5,}(?<![.:])"
_QUOTED = r"\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|`[^`\n]{1,200}`"
_NOUN = r"\b(?:pass(?:word|phrase|code|wd)|passwort|kennwort|mot de passe|contrase(?:ñ|n)a|senha|пароль)"
_SENTENCE = re.compile(
    rf"(?P<key>{_NOUN}\s{{1,3}}|{_NOUN}(?:\s[^\s\"':=]{{1,40}}){{0,4}}\s(?:is|was|ist|lautet|from"
    rf"|to)\s)(?!<)(?P<value>{_QUOTED}|{_SHAPED})"
    rf"|(?P<key2>\b(?:temporary|initial|generated|new|default|root|admin"
    rf"|old)\b[^:\n]{{0,40}}{_NOUN}[^:\n]{{0,60}}:\s{{1,3}})(?!<)(?:{_QUOTED}"
    rf"|(?=\S{{0,40}}[\d!@#$%^&*])[^\s<]{{6,}}(?<![.:,;]))"
    r"|(?P<key3>\bmot de passe\s{0,2}[=:]\s{0,2})(?!<)[^\s\"',;]{4,}",
    re.IGNORECASE,
)
_STATEMENT = re.compile(
    rf"(?P<key>\bidentified\s(?:with\s\S{{1,60}}\s)?by\s(?:password\s)?)(?!<)(?:{_QUOTED})"
    r"|(?P<key2>\b(?:requirepass|masterauth)\s{1,3}[\"']?)(?!<)[^\s\"']{2,}",
    re.IGNORECASE,
)
_SPOKEN_TOKEN = re.compile(
    r"(?P<key>\b(?:token|secret|api[ _-]?key|access[ _-]?key|storage[ _-]?key)s?\s{1,3}(?:is\s)?)(?!<)"
    r"(?=[\w+/~.-]*\d)(?=[\w+/~.-]*[A-Za-z])(?![0-9a-f]{8}-)[\w+/~-]{16,}={0,2}(?![\w.])",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?P<key>\b(?:otp|totp|mfa|2fa|pin|(?:(?:verification|security|one-?time|2fa|mfa|otp|login|confirmation|sms"
    r"|access|your|auth\w{0,12})\s)(?:pass)?code)"
    r"(?:\scode)?(?:\sis)?[\s:=]{1,3})\d{4,10}\b",
    re.IGNORECASE,
)

_ARGUMENT = rf"(?:{_QUOTED}|[^\s\"'<>-][^\s\"'<>]*)"
_SHORT_FLAGS = re.compile(
    rf"(?P<key>\b(?:curl|wget|http)\b[^\n]{{0,200}}?\s(?:-u|-U|--user"
    rf"|--proxy-user)[\s=]{{1,2}})(?!<)[^\s\"':<>]{{1,64}}:[^\s\"'<>]+"
    rf"|(?P<key2>\b(?:mysql(?:dump|admin|import|check|show)?|mariadb(?:-\w{{1,10}})?"
    rf"|7za?)\b[^\n]{{0,200}}?\s-p)(?![\s<])[^\s\"'<>]+"
    rf"|(?P<key3>\b(?:sshpass|mongo(?:sh|dump|restore|export|import)?|docker login|podman login|helm registry login"
    rf"|nerdctl login)\b[^\n]{{0,200}}?\s-p[\s=]{{1,2}}){_ARGUMENT}"
    rf"|(?P<key4>\b(?:mosquitto_(?:pub|sub)|ipmitool|sqlcmd|bcp|isql|zip|unzip)\b[^\n]{{0,200}}?\s-P\s?){_ARGUMENT}"
    rf"|(?P<key5>\bredis-cli\b[^\n]{{0,200}}?\s-a\s){_ARGUMENT}"
    rf"|(?P<key6>\bldap(?:search|add|modify|delete|whoami|passwd)\b[^\n]{{0,200}}?\s-w\s){_ARGUMENT}"
    rf"|(?P<key7>\bsnmp(?:walk|get|set|bulkwalk|bulkget|trap)\b[^\n]{{0,200}}?\s-(?:c|A|X)\s){_ARGUMENT}"
    rf"|(?P<key8>\bhtpasswd\s-\w{{0,4}}b\w{{0,4}}\s\S{{1,200}}\s\S{{1,64}}\s){_ARGUMENT}"
    rf"|(?P<key9>\b(?:plink|pscp|psftp|smbclient)\b[^\n]{{0,200}}?\s(?:-pw\s|-U\s[^\s%]{{1,64}}%)){_ARGUMENT}"
    rf"|(?P<key10>\bnet\s+use\b[^\n]{{0,200}}?/user:\S{{1,100}}\s){_ARGUMENT}"
    rf"|(?P<key11>\s(?:-u|-U"
    rf"|--user(?:name)?)[\s=]{{1,2}}[^\s<>-]\S{{0,63}}\s(?:[^\n]{{0,60}}\s)?-p[\s=]{{1,2}})(?![\d/.]){_ARGUMENT}"
)


def _scheme(found: re.Match[str]) -> str:
    scheme = found["scheme"]
    return f"{found['key']}{scheme + ' ' if scheme else ''}<TOKEN>"


def _opaque(found: re.Match[str]) -> str:
    """A name of many words in one piece, as of a class, is no token."""
    words = sum(map(len, _WORDS.findall(found[0])))
    return found[0] if words > WORDS_OF_A_NAME * len(found[0]) else "<TOKEN>"


def _decoded(found: re.Match[str]) -> str:
    """Base64 of a login `user:password`, or of a text with a secret in it."""
    text = found[0].rstrip("=").translate(_URL_SAFE)
    try:
        inside = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except ValueError:
        return found[0]
    if not inside.isprintable() or len(inside) < 8:
        return found[0]
    return "<TOKEN>" if _LOGIN.fullmatch(inside) or hide_keyed(inside) != inside else found[0]


BY_PLACE = (
    Rule(_PRIVATE_KEY, "<PRIVATE-KEY>", ("-----begin",)),
    Rule(_URL_LOGIN, "<LOGIN>", ("://",)),
    Rule(_ORACLE_LOGIN, r"\g<key><LOGIN>", (":thin:", "sqlplus")),
    Rule(_WEBHOOK, r"\g<key><TOKEN>", ("http",)),
    Rule(_SIGNED, r"\g<key><TOKEN>", ("sig", "security-token")),
    Rule(_AUTHORIZATION, _scheme, ("authorization",)),
    Rule(_COOKIE, r"\g<key><SECRET>", ("cookie",)),
    Rule(_PROOF, r"\g<key><TOKEN>", ("response", "signature")),
    Rule(_SHORT_FLAGS, keep_key("<SECRET>"), (" -", "/user:")),
)
"""Before the names of secrets are looked at: what these hide is more than one value."""

BY_FORM = (
    Rule(_SENTENCE, keep_key("<SECRET>"), ("pass", "kennwort", "contrase", "senha", "пароль")),
    Rule(_STATEMENT, keep_key("<SECRET>"), ("identified", "requirepass", "masterauth")),
    Rule(_CODE, r"\g<key><SECRET>", ("otp", "mfa", "2fa", "pin", "code")),
    Rule(_BEARER, r"\g<scheme> <TOKEN>", ("bearer", "basic")),
    Rule(_JWT, "<TOKEN>", ("eyj",)),
    Rule(_KNOWN_TOKEN, "<TOKEN>"),
    Rule(_SPOKEN_TOKEN, r"\g<key><TOKEN>", ("token", "secret", "key")),
    Rule(_PASSWORD_HASH, "<HASH>", ("$",)),
    Rule(_LONG_HEX, "<HEX>"),
    Rule(_OPAQUE, _opaque),
    Rule(_BASE64, "<TOKEN>", ("+", "=")),
    Rule(_ENCODED, _decoded),
)
