"""JSON Schemas of the records and the AsyncAPI 3 document of the topics, generated from the types."""

from __future__ import annotations

from typing import Any

import msgspec

from fusionlog import records
from fusionlog.topics import Topic, Topics

RECORDS: tuple[type[records.Record], ...] = (
    records.KeyedLine, records.Template, records.Window, records.PseudoLabel, records.ModelRelease, records.Anomaly,
    records.Explanation, records.Incident, records.Notification, records.Feedback, records.Spend, records.Training,
    records.WorkerState,
)  # fmt: skip
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def json_schema(record: type[records.Record]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record, whole in itself."""
    return {"$schema": JSON_SCHEMA, **msgspec.json.schema(record)}


def asyncapi(topics: Topics, version: str) -> dict[str, Any]:
    """The AsyncAPI 3 document: a channel a topic, an operation for each record that a user sends or receives."""
    described = [topics.raw("{system}"), topics.keyed("{system}"), *topics.own()]
    _, components = msgspec.json.schema_components(RECORDS, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "FusionLog",
            "version": version,
            "description": "Log lines in, anomalies out. Records are JSON; readers ignore fields they do not know.",
        },
        "defaultContentType": "application/json",
        "channels": {_channel(topic): _channel_of(topic) for topic in described},
        "operations": {
            "writeLogs": _operation("send", described[0], "Shippers write log lines."),
            "readAnomalies": _operation("receive", topics.anomalies, "Users read anomalies."),
            "readExplanations": _operation("receive", topics.explanations, "Users read why anomalies are anomalous."),
            "readIncidents": _operation("receive", topics.incidents, "Users read which anomalies have one cause."),
            "readDeadLetters": _operation("receive", topics.deadletter, "Operators read what could not be used."),
            "sendFeedback": _operation("send", topics.feedback, "Operators confirm or dismiss an anomaly."),
        },
        "components": {"schemas": components, "messages": _messages(described)},
    }


def _channel(topic: Topic) -> str:
    return topic.name.replace("{", "").replace("}", "").replace(".", "_").replace("-", "_")


def _message(topic: Topic) -> str:
    return topic.record.__name__ if topic.record else ("LogLine" if "{system}" in topic.name else "DeadLetter")


def _channel_of(topic: Topic) -> dict[str, Any]:
    kafka = {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": _topic_configuration(topic)}
    writers, readers = ", ".join(topic.written_by), ", ".join(topic.read_by) or "nobody yet"
    channel: dict[str, Any] = {
        "address": topic.name,
        "summary": topic.summary,
        "description": f"Key: {topic.key}. Written by {writers}; read by {readers}.",
        "messages": {_message(topic): {"$ref": f"#/components/messages/{_message(topic)}"}},
        "bindings": {"kafka": kafka},
    }
    if "{system}" in topic.name:
        del kafka["topic"]
        channel["parameters"] = {"system": {"description": "the name of the system in the systems file"}}
    return channel


def _topic_configuration(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": [topic.cleanup],
        "max.message.bytes": topic.max_message_bytes,
    }
    if topic.retention_ms is not None:
        configuration["retention.ms"] = topic.retention_ms
    return configuration


def _messages(topics: list[Topic]) -> dict[str, Any]:
    return {_message(topic): _message_of(topic) for topic in topics}


def _message_of(topic: Topic) -> dict[str, Any]:
    if topic.record:
        return {"payload": {"$ref": f"#/components/schemas/{topic.record.__name__}"}}
    return {"contentType": "text/plain", "payload": {"type": "string"}, "summary": topic.summary}


def _operation(action: str, topic: Topic, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{_channel(topic)}"}, "summary": summary}
