"""Entries of the systems file for eight kinds of logs, each with lines that it is made for."""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """An entry as YAML, and lines of that kind of log."""

    title: str
    entry: str
    lines: tuple[str, ...]


EXAMPLES = (
    Example(
        "A web server's access log: windows of 20 requests",
        """\
web:
  format: nginx
  window: {by: count, size: 20}
""",
        (
            '192.0.2.7 - - [04/Mar/2026:10:11:12 +0000] "GET /cart HTTP/1.1" 200 512 "-" "curl/8.5"',
            '192.0.2.9 - anna [04/Mar/2026:10:11:13 +0000] "POST /orders HTTP/1.1" 502 157 "-" "curl/8.5"',
        ),
    ),
    Example(
        "A Spring Boot service: a session is a trace",
        """\
orders:
  format: spring
  session: '\\[orders,([0-9a-f]{32}),'
  window: {by: session, idle_seconds: 60}
""",
        (
            "2026-03-04T10:11:12.001Z  INFO [orders,5d9073b19f9042c15d9073b19f9042c1,5d9073b19f9042c1] 1 --- "
            "[nio-8080-exec-1] s.example.Orders                         : order accepted",
            "2026-03-04T10:11:12.105Z  INFO [orders,5d9073b19f9042c15d9073b19f9042c1,5d9073b19f9042c1] 1 --- "
            "[nio-8080-exec-1] s.example.Orders                         : order paid",
        ),
    ),
    Example(
        "A header of its own, in the notation of Loghub: a session is a block",
        """\
hdfs:
  header: '<Date> <Time> <Pid> <Level> <Component>: <Content>'
  session: 'blk_-?\\d+'
  window: {by: session, idle_seconds: 600}
""",
        (
            "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608999687919862906 src: /10.0.0.1",
            "081109 203519 143 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_-1608999687919862906",
        ),
    ),
    Example(
        "A syslog file: a session is all lines of one process",
        """\
mail:
  format: syslog3164
  timezone: Europe/Berlin
  session_field: pid
  window: {by: session, idle_seconds: 120}
""",
        (
            "Mar  4 10:11:12 mx1 sshd[4711]: Connection from 192.0.2.7 port 50022",
            "Mar  4 10:11:13 mx1 sshd[4711]: Failed password for anna from 192.0.2.7 port 50022",
        ),
    ),
    Example(
        "JSON lines in a container, shipped by Fluent Bit: a session is what one pod writes",
        """\
cart:
  json_line: '{level} {msg}'
  header: '<Level> <Content>'
  session_field: kubernetes.pod_name
  window: {by: session, idle_seconds: 300}
""",
        (
            '{"@timestamp": 1772619072.1, "log": "{\\"level\\": \\"info\\", \\"msg\\": \\"cart opened\\"}", '
            '"kubernetes": {"pod_name": "cart-7f9c-abcde"}}',
            '{"@timestamp": 1772619073.1, "log": "{\\"level\\": \\"info\\", \\"msg\\": \\"cart paid\\"}", '
            '"kubernetes": {"pod_name": "cart-7f9c-abcde"}}',
        ),
    ),
    Example(
        "logfmt: a session is a request",
        """\
api:
  format: logfmt
  session_field: request_id
  window: {by: session, idle_seconds: 30}
""",
        (
            'time=2026-03-04T10:11:12Z level=info msg="request started" request_id=a1b2c3 method=GET',
            'time=2026-03-04T10:11:13Z level=error msg="upstream failed" request_id=a1b2c3 status=502',
        ),
    ),
    Example(
        "A header that only an expression describes; masks for what varies; stack traces by their first lines",
        """\
billing:
  header_regex: '^(?P<time>\\d\\d:\\d\\d:\\d\\d)\\|(?P<level>\\w+)\\|(?P<component>[^|]*)\\|(?P<content>.*)$'
  time_field: none
  masks: {invoice: 'INV-\\d+'}
  multiline: {start: '^\\d\\d:\\d\\d:\\d\\d\\|', max_lines: 200}
  window: {by: count, size: 50}
""",
        ("10:11:12|WARN|ledger|cannot book INV-2026", "10:11:13|INFO|ledger|booked INV-2027"),
    ),
    Example(
        "Lines without a key of their own, in an encoding of old: they take the key of the line before",
        """\
till:
  encoding: gbk
  session: 'receipt=(\\d+)'
  inherit: true
  window: {by: session, idle_seconds: 60}
""",
        ("receipt=17 opened", "drawer opened", "receipt=18 opened"),
    ),
)
