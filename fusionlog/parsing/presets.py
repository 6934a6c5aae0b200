"""Headers of common software, each tried on lines of several of its versions (`tests/parsing/test_presets.py`).

A preset is some expressions, tried in turn, with named groups: `content`, and `time`, `level`, `component`, `pid`,
`host`, `thread` and more where the software writes them. No expression distinguishes digits, so that its lines are
cached by shape. Lines that have to be decoded (`read`) follow in `structured`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fusionlog.parsing.structured import Read, read_ecs, read_json, read_logfmt, read_postgres_csv
from fusionlog.utils.json_format import Tree

BLANKS = r"\s\ufeff"

STRUCTURED_DATA = r'(?>-(?!\S)|(?:\[(?>(?:[^"\]\\]|\\.|"(?>(?:[^"\\]|\\.)*)")*)\])+)'
"""STRUCTURED-DATA of RFC 5424: a hyphen, or elements in brackets, whose values may hold escaped quotes and brackets."""


class Preset(NamedTuple):
    """A header: a line that has it, the expressions that are tried in turn, and what decodes a line."""

    example: str
    patterns: tuple[str, ...] = ()
    read: Callable[[str, Tree | None], Read | None] | None = None


_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,:]\d+)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?![A-Za-z]))?"
_ISO = rf"\d{{4}}[-/]\d\d[-/]\d\d[T ]{_CLOCK}{_ZONE}"
_MONTH = r"[A-Z][a-z]{2}"
_C = r"(?P<content>.*)"
_IN = r"(?>(?:[^\[\]\r\n]|\[[^\[\]\r\n]*+\])*)"
"""Text in brackets that may hold a pair of its own."""
_LEVEL = (
    r"(?P<level>(?i:TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|ALERT|EMERG|"
    r"PANIC|DPANIC|FINE|FINER|FINEST|CONFIG|SUCCESS|AUDIT|VERBOSE|ALL|OFF))(?![\w.])"
)
_LOGGER = r"(?P<component>[^\s:\[\](){}|,\"]+)"
_STAMP = (
    rf"(?P<time>{_ISO}|\d\d/\d\d/\d\d {_CLOCK}|\d\d? {_MONTH} \d{{4}} {_CLOCK}|\d\d-{_MONTH}-\d{{4}} {_CLOCK}|{_CLOCK})"
)
_THREAD = rf"\[(?P<thread>{_IN})\]"

_SYSLOG_TIME = rf"(?P<time>{_MONTH}\s{{1,2}}\d{{1,2}}(?: \d{{4}})? {_CLOCK}|{_ISO})"
_PRI = r"(?:<(?P<pri>\d{1,3})>)?"
_TAG = r"(?P<component>[^\s:\[\]<>=]+)(?:\[(?P<pid>[^\]\s]*)\])?:"
_ACCESS_TAIL = r'(?P<content>"[^"\\\r\n]*+(?>(?:\\.[^"\\\r\n]*+)*)" (?:\d{3}|-) (?:\d+|-))(?!\S)(?P<rest>[^\r\n]*+)\s*'
_ACCESS = (
    r"(?:(?P<vhost>[^\s\"\[]+) )?(?P<client>[^\s\"\[]+) (?P<ident>[^\s\"\[]+) (?P<user>[^\r\n\"\[]*?)"
    rf" ?\[(?P<time>\d\d/{_MONTH}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})\] {_ACCESS_TAIL}"
)

KLOG = (
    rf"(?P<level>[IWEFD])(?P<time>\d{{4}}(?:\d{{4}})? {_CLOCK})\s+(?P<thread>\d+)\s+(?P<component>[^\s:\]]+):"
    rf"(?P<source>\d+)\] ?{_C}",
)

_SPRING = rf"{_STAMP}\s+{_LEVEL}\s+(?:\[(?P<trace>{_IN})\]\s+)?(?P<pid>[\w?-]+)\s+---\s+"
_SPRING_END = rf"(?P<component>[^\s:](?:\S*[^\s:])?)\s*:(?:\s+|\Z){_C}"
SPRING = (
    rf"{_SPRING}\[(?P<application>{_IN})\] {_THREAD} \[(?P<correlation>{_IN})\]\s+{_SPRING_END}",
    rf"{_SPRING}{_THREAD} \[(?P<correlation>\s{{8,}}|[\dA-Fa-f]+-[\dA-Fa-f]+)\s*\]\s+{_SPRING_END}",
    rf"{_SPRING}\[(?P<application>{_IN})\] {_THREAD}\s+{_SPRING_END}",
    rf"{_SPRING}{_THREAD}\s+{_SPRING_END}",
)

_OFF = r"\s*(?:--?|:|\|)(?:\s+|\Z)"
_CODE = r"(?P<component>[A-Za-z_$](?:[^\s:\[\](){}|,\"]*[\w$>])?)"
LOG4J = (
    rf"\[{_STAMP}\]\s+{_LEVEL}\s+(?P<content>[^\r\n]*) \((?P<component>[\w.$-]+)\)\s*\Z",
    rf"\[{_STAMP}\]\s*\[{_LEVEL}\s*\]\s*\[(?P<component>[^\]\s]+)\s*\]\s*{_C}",
    rf"{_STAMP} \[myid:(?P<node>[^\]]*)\] - {_LEVEL}\s+\[(?P<thread>{_IN}):(?P<component>[\w.$]+)@\d+\] - {_C}",
    rf"{_STAMP}(?: -)?\s+{_LEVEL}\s+\[(?P<thread>[^\r\n]*:)(?P<component>[\w.$]+)@\d+\] - {_C}",
    rf"{_STAMP}(?: -)?\s+\[?{_LEVEL}\s*\]?\s+\[(?P<component>[\w$]+(?:\.[\w$]+)+)\]\s+\((?P<thread>[^)\r\n]*)\)\s+{_C}",
    rf"{_STAMP}(?: -)?\s+\[?{_LEVEL}\s*\]?\s+{_THREAD}\s+{_CODE}(?:\s+\[[^\]\r\n]*\])?{_OFF}{_C}",
    rf"{_STAMP}(?: -)?\s+\[?{_LEVEL}\s*\]?\s+{_THREAD}\s+(?P<component>[\w$]+(?:\.[\w$<>]+)+)\s+{_C}",
    rf"{_STAMP}(?: -)?\s+{_THREAD}\s+\[?{_LEVEL}\s*\]?\s+(?:\[(?P<context>{_IN})\]\s+)?{_CODE}"
    rf"(?:\s+-[^\r\n]*?-(?=\s)|{_OFF})\s*{_C}",
    rf"\[{_LEVEL}\s*\]\s+{_STAMP}\s+{_THREAD}\s+{_CODE}{_OFF}{_C}",
    rf"{_STAMP}(?: -)?\s+\[?{_LEVEL}\s*\]?\s+{_CODE}{_OFF}{_C}",
    rf"{_STAMP}(?: -)?\s+\[?{_LEVEL}\s*\]?\s+{_CODE}:\d+{_OFF}{_C}",
    rf"(?P<time>\d+)\s+{_THREAD}\s+{_LEVEL}\s+{_CODE}(?:\s+[^\r\n]*?)?\s+-(?:\s+|\Z){_C}",
    rf"{_LEVEL}\s+{_THREAD}\s+(?:\({_IN}\)\s+)?{_CODE}{_OFF}{_C}",
    rf"(?P<time>\d{{6}} \d{{6}}) (?P<pid>\d+) {_LEVEL} {_CODE}: {_C}",
    rf"\[?{_STAMP}\]?(?: -)?\s+\[?{_LEVEL}\s*\]?\s+(?:{_THREAD}\s+)?(?:-\s+)?{_C}",
    rf"(?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+{_CODE}{_OFF}{_C}",
)

_WHEN = rf"(?P<time>{_ISO}|{_CLOCK})"
_NAME = r"(?P<component>[A-Za-z_](?:[\w.<>-]*[\w>])?)"
PYTHON = (
    rf"(?P<level>[A-Z]{{4,8}}):\s{{2,}}(?:(?P<client>\S+:\d+) - )?{_C}",
    rf"(?P<level>[A-Z]{{4,8}}):(?P<component>[\w.<>-]+):{_C}",
    rf"\[{_WHEN}: {_LEVEL}/(?P<thread>[^\]\r\n]+)\]\s*{_C}",
    rf"\[{_WHEN}\] \[(?P<pid>\d+)\] \[{_LEVEL}\s*\]\s*{_C}",
    rf"\[{_WHEN}\] {_LEVEL} in {_NAME}: {_C}",
    rf"\[{_WHEN}\] \{{(?P<component>[\w.<>/-]+?)(?:\.py)?:\d+\}} {_LEVEL} - {_C}",
    rf"{_WHEN} \| {_LEVEL}\s*\| (?P<component>[\w.<>-]+):[\w.<>]*:\d+ - {_C}",
    rf"{_WHEN} \[{_LEVEL}\s*\] (?P<content>[^\r\n\[]*?)\s+\[{_NAME}\](?=\s|\Z)(?P<rest>[^\r\n]*)",
    rf"{_WHEN} - {_NAME} - {_LEVEL} - (?:\[?[\w./-]+:\d+\]? - )?{_C}",
    rf"{_WHEN} - {_LEVEL} - (?:{_NAME} - )?{_C}",
    rf"{_WHEN} (?P<pid>\d+) {_LEVEL} {_NAME} (?:\[(?P<request>[^\]\r\n]*)\] )?{_C}",
    rf"{_WHEN}\s+\[?{_LEVEL}\s*\]?\s+\[?{_NAME}(?::\d+)?\]?\s*(?: - |:(?:\s+|\Z)){_C}",
    rf"{_WHEN}:{_LEVEL}:(?:(?P<component>[\w.<>-]+):(?=\S|\s))?{_C}",
    rf"{_WHEN}\s+{_LEVEL}:(?P<component>[\w.<>-]+):\s*{_C}",
    rf"{_LEVEL} {_WHEN} (?P<component>[\w.<>-]+) (?:(?P<pid>\d+) (?P<thread>\d+) )?{_C}",
    rf"\[{_LEVEL}\s*\] {_WHEN}\s+{_NAME}\s*(?: - |: ){_C}",
    rf"\[(?P<time>\d\d/{_MONTH}/\d{{4}} {_CLOCK})\] {_C}",
    rf"\[?{_WHEN}\]?(?: -)?\s+\[?{_LEVEL}\s*\]?(?:\s+-|:)?\s+{_C}",
    rf"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):?\s+{_C}",
)

_FILE = r"(?:(?P<source>[\w./@-]+\.(?:go|s):\d+):? )?"
_GO = r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?)"
_ZAP = r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_FIELDS = r"(?P<fields>\{[^\r\n]*\})"
GO = (
    rf"{_ZAP}\t{_LEVEL}\t(?:(?P<component>[A-Za-z][\w./-]*)\t)?(?:(?P<source>[\w./@-]+\.go:\d+)\t)?"
    rf"(?P<content>[^\t\r\n]*)\t{_FIELDS}\s*\Z",
    rf"{_ZAP}\t{_LEVEL}\t(?:(?P<component>[A-Za-z][\w./-]*)\t)?(?:(?P<source>[\w./@-]+\.go:\d+)\t)?{_C}",
    rf"{_GO} {_FILE}{_LEVEL}:? {_C}",
    rf"{_GO} {_FILE}\[{_LEVEL}\] (?:(?P<component>[a-z][\w./-]*): )?{_C}",
    rf"{_GO} {_FILE}{_C}",
    rf"(?:\[?{_LEVEL}\]?:?|(?P<component>[\w./-]+):|\[[^\]\r\n]*\]) ?{_GO} {_FILE}{_C}",
    rf"(?P<level>[A-Z]{{4,5}})\[(?P<time>\d+|{_ISO})\] ?{_C}",
    rf"(?P<time>\d{{1,2}}:\d\d(?:AM|PM)|{_ISO}) (?P<level>TRC|DBG|INF|WRN|ERR|FTL|PNC) {_FILE}(?:> )?{_C}",
)

NGINX = (_ACCESS,)
_CONTEXT = r", (?:client|server|request|upstream|host|referrer): "
NGINX_ERROR = (
    rf"(?P<time>\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<thread>\d+): "
    rf"(?:\*(?P<connection>\d+) )?(?P<content>[^\r\n]*?)(?P<rest>(?:{_CONTEXT}[^\r\n]*)?)\s*\Z",
    rf"(?P<time>\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<thread>\d+): "
    rf"(?:\*(?P<connection>\d+) )?{_C}",
)
_APACHE = (
    rf"\[(?P<time>{_MONTH} {_MONTH}\s{{1,2}}\d{{1,2}} \d\d:\d\d:\d\d(?:\.\d+)? \d{{4}})\] "
    r"\[(?:(?P<component>[\w-]*):)?(?P<level>[a-z]+\d?)\] "
)
APACHE = (
    rf"{_APACHE}(?:\[pid (?P<pid>\d+)(?::tid (?P<thread>\d+))?\] )?(?:(?P<source>[\w./-]+\.c\(\d+\): ))?"
    rf"(?P<code>\(\d+\)[^:\r\n]*: )?\[(?:client|remote) (?P<client>[^\]\s]*)\] {_C}",
    rf"{_APACHE}(?:\[pid (?P<pid>\d+)(?::tid (?P<thread>\d+))?\] )?{_C}",
    _ACCESS,
)
_PROXY = (
    rf"(?:{_PRI}(?:\d )?{_SYSLOG_TIME} (?:(?P<host>[^\s\[:]+) )?haproxy(?:\[(?P<pid>\d+)\]:|\s+\S+ \S+ \S+)\s+|"
    r"haproxy\[\d+\]: )?"
)
_CLIENT = r"(?P<client>[^\s\[]+:\d+|unix:\d+) \[(?P<accepted>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)?)\] "
HAPROXY = (
    rf"{_PROXY}{_CLIENT}(?P<component>[^\s/]+)/(?P<bind>[^\s:]+): {_C}",
    rf"{_PROXY}{_CLIENT}(?P<component>\S+) {_C}",
    rf"{_PROXY}\[{_LEVEL}\]\s+(?:(?P<started>\d+/\d+) )?\((?P<worker>\d+)\) : {_C}",
    rf"{_PRI}(?:\d )?{_SYSLOG_TIME} (?:(?P<host>[^\s\[:]+) )?(?P<component>haproxy)(?:\[(?P<pid>\d+)\])?: {_C}",
    rf"(?P<component>haproxy)\[(?P<pid>\d+)\]: {_C}",
    r"(?P<content>(?:Proxy|Server|Backup Server|backend|Health check|Connect from|Stopping|Pausing|Resuming)\b.*)",
)
SYSLOG3164 = (
    rf"{_PRI}{_SYSLOG_TIME} (?P<host>[^\s\[:]+) (?P<component>kernel): (?:\[\s*(?P<uptime>\d+\.\d+)\] ?)?{_C}",
    rf"{_PRI}{_SYSLOG_TIME} (?P<host>\S+) {_TAG}(?:\s+|\Z){_C}",
    rf"{_PRI}{_SYSLOG_TIME}:? (?P<component>[^\s:\[\]<>=]+)(?:\[(?P<pid>[^\]\s]*)\])?:(?:\s+|\Z){_C}",
    rf"{_PRI}{_SYSLOG_TIME} (?P<host>\S+) (?P<component>[^\s:\[\]<>=]+)\[(?P<pid>[^\]\s]*)\] {_C}",
    rf"{_PRI}{_SYSLOG_TIME} (?P<host>\S+) {_C}",
)
_BOM = "\ufeff"
_NIL = r"-(?!\S)|"
SYSLOG5424 = (
    rf"(?:<(?P<pri>\d{{1,3}})>)?\d{{1,2}} (?:{_NIL}(?P<time>\S+)) (?:{_NIL}(?P<host>\S+)) (?:{_NIL}(?P<component>\S+)) "
    rf"(?:{_NIL}(?P<pid>\S+)) (?:{_NIL}(?P<msgid>\S+)) (?P<sd>{STRUCTURED_DATA})(?:\s+|\Z){_BOM}?{_C}",
)
_SEVERITY = (
    r"(?P<level>DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION)"
)
_PG_TIME = (
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{2,5}| ?[+-]\d\d(?::?\d\d)?)?"
    r"|\d{9,13}(?:\.\d{1,9})?(?!\d))"
)
POSTGRES = (
    rf"{_PG_TIME}(?=[^\r\n]{{0,300}}?app=(?P<component>[^\s,\]]+))[^\r\n]{{0,300}}?(?<![\w.]){_SEVERITY}:\s+{_C}",
    rf"{_PG_TIME}(?:[^\r\n]{{0,300}}?\[(?P<pid>\d+)(?:-\d+)?\])?[^\r\n]{{0,300}}?(?<![\w.]){_SEVERITY}:\s+{_C}",
    rf"(?:\[(?P<pid>\d+)\]:?[^\r\n]{{0,200}}?)?(?<![\w.]){_SEVERITY}:\s+{_C}",
)
_MY_TIME = rf"(?P<time>\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?:Z|[+-]\d\d:\d\d)?|\d{{6}}\s{{1,2}}\d{{1,2}}:\d\d:\d\d)"
MYSQL = (
    rf"{_MY_TIME}\s+(?P<thread>\d+) \[(?P<level>\w+)\] \[(?P<code>[\w-]+)\] \[(?P<component>\w[^\]\r\n]*)\] {_C}",
    rf"{_MY_TIME}\s+(?:(?P<thread>\d+) )?\[(?P<level>\w+)\] (?:(?P<component>InnoDB|WSREP): )?{_C}",
)
_REDIS_TIME = rf"(?P<time>\d\d {_MONTH} (?:\d{{4}} )?\d\d:\d\d:\d\d(?:\.\d+)?)"
REDIS = (
    rf"(?P<pid>\d+):(?P<role>[XCSM]) {_REDIS_TIME} (?P<level>[.\-*#]) {_C}",
    rf"(?P<pid>\d+):signal-handler \((?P<time>\d+)\) {_C}",
    rf"\[(?P<pid>\d+)\] {_REDIS_TIME} (?P<level>[.\-*#]) {_C}",
)
_NANO = r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
DOCKER = (
    rf"(?P<component>[^\s|]+)\s+\|(?: {_NANO})?(?: |\Z){_C}",
    rf"{_NANO} {_C}",
)
CRI = (rf"{_NANO} (?P<stream>stdout|stderr) (?P<tag>[PF](?::[^\s]*)?)(?: |\Z){_C}",)

PRESETS: Mapping[str, Preset] = {
    "klog": Preset('I0304 10:11:12.003456       1 controller.go:116] "Starting controller" name="jobs"', KLOG),
    "logfmt": Preset('ts=2026-03-04T10:11:12Z level=info logger=store msg="order accepted" id=7', (), read_logfmt),
    "spring": Preset(
        "2026-03-04T10:11:12.003+01:00  INFO 4711 --- [shop] [nio-8080-exec-1] s.e.Orders : Order 7 accepted", SPRING
    ),
    "log4j": Preset("2026-03-04 10:11:12,003 INFO  [main] org.example.Orders - Order 7 accepted", LOG4J),
    "python": Preset("2026-03-04 10:11:12,003 - shop.orders - INFO - Order 7 accepted", PYTHON),
    "go": Preset('2026-03-04T10:11:12.003Z\tINFO\tshop\torders/take.go:46\torder accepted\t{"id": 7}', GO, read_logfmt),
    "nginx": Preset('10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "GET /cart HTTP/1.1" 200 612 "-" "curl/8.4"', NGINX),
    "nginx-error": Preset(
        '2026/03/04 10:11:12 [error] 31#31: *99 open() "/srv/x" failed (2: No such file), client: 10.0.0.3', NGINX_ERROR
    ),
    "apache": Preset(
        "[Wed Mar 04 10:11:12.003456 2026] [core:error] [pid 31:tid 140] [client 10.0.0.3:51] AH00126: Invalid URI",
        APACHE,
    ),
    "haproxy": Preset(
        "Mar  4 10:11:12 lb-1 haproxy[31]: 10.0.0.3:51 [04/Mar/2026:10:11:12.003] web shop/s1 0/0/1/2/3 200 612 - - "
        '---- 1/1/0/0/0 0/0 "GET /cart HTTP/1.1"',
        HAPROXY,
    ),
    "syslog3164": Preset("<38>Mar  4 10:11:12 web-1 sshd[31]: Accepted publickey for anna from 10.0.0.3", SYSLOG3164),
    "syslog5424": Preset('<165>1 2026-03-04T10:11:12.003Z web-1 shop 31 ORDER [m@1 id="7"] order accepted', SYSLOG5424),
    "postgres": Preset("2026-03-04 10:11:12.003 UTC [31] anna@shop ERROR:  deadlock detected", POSTGRES),
    "postgres-csv": Preset(
        '2026-03-04 10:11:12.003 UTC,"anna","shop",31,"10.0.0.3:51",69a7.1f,1,"UPDATE",2026-03-04 10:11:00 UTC,3/7,'
        '0,ERROR,40P01,"deadlock detected",,,,,,,,,"shop-api","client backend",,0',
        (),
        read_postgres_csv,
    ),
    "mysql": Preset(
        "2026-03-04T10:11:12.003456Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed.", MYSQL
    ),
    "redis": Preset("31:M 04 Mar 2026 10:11:12.003 * Background saving started by pid 32", REDIS),
    "docker": Preset("web-1  | order accepted", DOCKER),
    "cri": Preset("2026-03-04T10:11:12.003456789Z stderr F order accepted", CRI),
    "json": Preset(
        '{"time":"2026-03-04T10:11:12Z","level":"info","logger":"store","msg":"order accepted"}', (), read_json
    ),
    "ecs": Preset(
        '{"@timestamp":"2026-03-04T10:11:12Z","log.level":"INFO","log.logger":"store","message":"order accepted"}',
        (),
        read_ecs,
    ),
}
