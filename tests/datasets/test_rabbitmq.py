import json
import socket
import struct
from threading import Thread
from types import SimpleNamespace

import pytest

from datasets.record.place import Place
from datasets.record.rabbitmq import SPEC, _collected
from datasets.record.rabbitmq.wire import AmqpError, Connection

PEER = "127.0.0.1:40000 -> 127.0.0.1:5672"


def node_factory(tmp_path, log, trace):
    node = SimpleNamespace(full="one@localhost", log=tmp_path / "one.log", trace=tmp_path / "audit.log")
    node.log.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in log))
    node.trace.write_text("\n".join(json.dumps(line) for line in trace))
    return node


def said(level, domain, text):
    return {"time": "2026-01-02T03:04:05.100000+00:00", "level": level, "pid": "<0.8.0>", "msg": text, "domain": domain}


def traced(node):
    return {
        "timestamp": "2026-01-02T03:04:05.200+00:00", "type": "published", "node": node, "connection": PEER,
        "payload": "eA==", "routing_keys": ["order.placed"],
    }  # fmt: skip


def collected(tmp_path, log, trace=()):
    here = Place(tmp_path, tmp_path, tmp_path)
    return list(_collected(node_factory(tmp_path, log, trace), here))


def test_a_nodes_lines_get_its_name_and_a_trace_only_counts_where_the_message_was_handled(tmp_path):
    found = collected(
        tmp_path,
        [said("info", "rabbitmq.connection", f"accepting AMQP connection <0.8.0> ({PEER})")],
        [traced("one@localhost"), traced("two@localhost")],
    )
    lines = [json.loads(line) for _, line in sorted(found)]
    assert [line["node"] for line in lines] == ["one@localhost"] * 2
    assert [line["time"] for line in lines] == ["2026-01-02T03:04:05.100000+00:00", "2026-01-02T03:04:05.200000+00:00"]
    assert "payload" not in lines[1]
    assert [SPEC.key(line) for _, line in found] == [PEER] * 2


def test_of_what_is_about_no_connection_only_notices_and_worse_are_kept(tmp_path):
    log = [said("debug", "rabbitmq", "Raw client connection hostname"), said("warning", "rabbitmq", "alarm set")]
    assert [json.loads(line)["msg"] for _, line in collected(tmp_path, log)] == ["alarm set"]


def test_plain_lines_stay_where_they_were_written(tmp_path):
    log = ["2026-01-02 03:04:04.000000+00:00 [notice] <0.1.0> stopped", "  ##  ##", said("notice", "rabbitmq", "up")]
    times = [time for time, _ in collected(tmp_path, log)]
    assert times == ["2026-01-02T03:04:04.000000+00:00"] * 2 + ["2026-01-02T03:04:05.100000+00:00"]


def test_a_broker_that_closes_is_an_error_with_its_code():
    server = socket.create_server(("127.0.0.1", 0))

    def refuse():
        link, _ = server.accept()
        with link:
            link.recv(8)
            text = b"ACCESS_REFUSED"
            body = struct.pack("!HHH", 10, 50, 403) + bytes([len(text)]) + text + struct.pack("!HH", 0, 0)
            link.sendall(struct.pack("!BHI", 1, 0, len(body)) + body + b"\xce")
            link.recv(100)

    Thread(target=refuse, daemon=True).start()
    connection = Connection(server.getsockname()[1])
    with pytest.raises(AmqpError, match="403 ACCESS_REFUSED") as raised:
        connection.greet()
    connection.cut()
    server.close()
    assert raised.value.code == 403
