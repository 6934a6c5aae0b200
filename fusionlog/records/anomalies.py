"""Records of anomalies, of their explanations, and of operators' verdicts on them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fusionlog.records.base import Count, Offset, Partition, Probability, Record, Seconds, Sum, SystemName
from fusionlog.records.labels import EventLabel
from fusionlog.records.windows import Longest, Route, WindowEvent

TITLE_CHARS = 80
"""Characters of a title, at most: the subject of a message, a line of a table."""
Severity = Literal["info", "warning", "error", "critical"]
"""From the least to the greatest: `fusionlog.novelty.reasons.severity` has the rule of each."""


class Evidence(Struct, frozen=True, kw_only=True):
    """An event that is evidence of an anomaly: one of the window with a line of it, or, `absent`, one that it lacks.

    `share` of the `windows` comparable windows before have the event: of those with the event `beside`, else of all.
    """

    template: Annotated[
        str, Meta(description="Id of the event's template, the same on every worker.", examples=["9c1f4e2ab07d3356"])
    ]
    text: Annotated[
        str,
        Meta(description="The event: the constant text of its lines.", examples=["payment <NUM> refused: <NUM>"]),
    ]
    example: Annotated[
        str, Meta(description="A line of it in this window; empty if absent.", examples=["payment 17 refused: 402"])
    ]
    count: Annotated[int, Meta(ge=0, lt=2**31, description="Its lines in this window; 0 if absent.", examples=[3])]
    probability: Annotated[
        Probability | None,
        Meta(description="Probability of an anomaly by this event alone; null: not computed.", examples=[0.93]),
    ] = None
    absent: Annotated[
        bool, Meta(description="Whether the window lacks this event, and that is the evidence.", examples=[False])
    ] = False
    typical: Annotated[
        Count | None,
        Meta(
            description="Its lines in a usual window that has it: the median; null: it is in too few windows.",
            examples=[1],
        ),
    ] = None
    share: Annotated[
        Probability | None,
        Meta(description="Share of the comparable windows before that have it; null: too few.", examples=[0.01]),
    ] = None
    windows: Annotated[
        int, Meta(ge=0, description="Comparable windows before: the number that `share` is of.", examples=[1424])
    ] = 0
    beside: Annotated[
        str,
        Meta(
            description="Of an absent event: the event of this window that comparable windows have in common.",
            examples=["order <NUM> reserved"],
        ),
    ] = ""
    level: Annotated[
        Literal["", "warning", "error", "critical"],
        Meta(description="Level of the example, by its header; empty: a lower one or none.", examples=["error"]),
    ] = ""
    atypical: Annotated[
        bool,
        Meta(
            description="Whether its number of lines is unusual: as many, or as few, are in 5 % of windows at most.",
            examples=[True],
        ),
    ] = False
    value: Annotated[
        str,
        Meta(
            description="A value of its lines that is unusual, beside the usual ones.",
            examples=["its duration 3.9 s, usually below 0.1 s"],
        ),
    ] = ""


class Anomaly(Record, frozen=True, kw_only=True):
    """An anomalous window: a title, its score, the source of the verdict, the reason, and the evidence.

    Of records with one id the last one counts: a `provisional` verdict of the offline teacher is followed by the
    teacher's own, or by that at the end of the system's learning phase. The later one is `withdrawn` where the window
    turns out to be normal.
    """

    id: Annotated[
        str,
        Meta(
            description="Id of the window, a hash of where its lines lie in Kafka: a repeat has the same.",
            examples=["5b2fb1bd1d2f4a0c9f0c8e0c1d7e6a11"],
        ),
    ]
    system: Annotated[SystemName, Meta(description="Name of the system in the systems file.", examples=["shop"])]
    session: Annotated[
        str,
        Meta(
            description="Session key of the lines; of a window by count its partition and first position.",
            examples=["req-1f2e3d"],
        ),
    ]
    shape: Annotated[
        str,
        Meta(
            description="Hash of the window's multiset of templates: windows of one shape share a verdict.",
            examples=["0f3c9a1be2d4476655aa01ce"],
        ),
    ]
    score: Annotated[Probability, Meta(description="Probability that the window is anomalous.", examples=[0.97])]
    threshold: Annotated[Probability, Meta(description="A score from here up is an anomaly.", examples=[0.5])]
    verdict_source: Annotated[
        str,
        Meta(description="Version of the release, or name of the teacher.", examples=["20261127T124410Z-shop-4f1a"]),
    ]
    by: Annotated[
        Literal["model", "teacher"], Meta(description="Whether a model or a teacher has decided.", examples=["model"])
    ]
    reason: Annotated[
        str,
        Meta(
            description="Why the window is anomalous, as its source gave it; 500 characters at most.",
            examples=["the model finds anomalous: 'payment <NUM> refused: <NUM>' (0.93)"],
        ),
    ]
    evidence: Annotated[
        list[Evidence],
        Meta(
            description="The events that indicate the anomaly most, the most telling one first; absent ones included.",
            examples=[
                [
                    {
                        "template": "9c1f4e2ab07d3356",
                        "text": "payment <NUM> accepted",
                        "example": "",
                        "count": 0,
                        "absent": True,
                        "typical": 1,
                        "share": 0.99,
                        "windows": 1424,
                        "beside": "order <NUM> reserved",
                    }
                ]
            ],
        ),
    ]
    route: Annotated[
        Route,
        Meta(
            description="Why the window was general or proprietary.",
            examples=[{"kind": "general", "similarity": 0.91, "threshold": 0.83}],
        ),
    ]
    topic: Annotated[str, Meta(description="Topic of the window's lines.", examples=["logs.raw.shop"])]
    partition: Annotated[Partition, Meta(description="Partition of the lines.", examples=[0])]
    first_offset: Annotated[Offset, Meta(description="Offset of the record with the first line.", examples=[1800])]
    last_offset: Annotated[Offset, Meta(description="Offset of the record with the last line.", examples=[1812])]
    started: Annotated[
        Seconds,
        Meta(
            description="Time of the earliest line: its own where it has one (see own_times), else Kafka's.",
            examples=[1764241035.201],
        ),
    ]
    ended: Annotated[Seconds, Meta(description="Time of the latest line, as of `started`.", examples=[1764241036.87])]
    detected_at: Annotated[Seconds, Meta(description="When the verdict was made.", examples=[1764241046.1])]
    events: Annotated[
        list[WindowEvent],
        Meta(
            description="The events of the window, in order of first occurrence; of very many the most informative.",
            examples=[
                [
                    {
                        "template": "41d0aa93be7f2c18",
                        "text": "order <NUM> reserved",
                        "example": "order 17 reserved",
                        "count": 1,
                    }
                ]
            ],
        ),
    ] = []
    provisional: Annotated[bool, Meta(description="Whether another verdict on this id follows.", examples=[False])] = (
        False
    )
    withdrawn: Annotated[
        bool, Meta(description="Whether the window is normal after all, and this id is void.", examples=[False])
    ] = False
    pause: Annotated[
        Longest | None,
        Meta(
            description="The longest time between two lines, from ten seconds up; `event` is a place in `events`.",
            examples=[{"seconds": 40.0, "event": 0}],
        ),
    ] = None
    unusual: Annotated[
        list[str],
        Meta(
            description="Sentences on what is unusual in the window, by the windows before.",
            examples=[["'payment <NUM> accepted' is missing: it is in 1410 of 1424 windows with 'order reserved'"]],
        ),
    ] = []
    title: Annotated[
        str,
        Meta(
            max_length=TITLE_CHARS,
            description="The anomaly in a line: its telling event, or the missing step.",
            examples=["missing: payment <NUM> accepted (in 99 % of 1,424 windows like it)"],
        ),
    ] = ""
    severity: Annotated[
        Severity,
        Meta(
            description="critical: a telling line of that level, or of a crash; error: one of a failure, or a missing "
            "step; warning: another anomaly; info: withdrawn.",
            examples=["error"],
        ),
    ] = "warning"
    own_times: Annotated[
        bool,
        Meta(
            description="Whether lines of the window have times of their own; else they are Kafka's.", examples=[True]
        ),
    ] = False
    hosts: Annotated[
        list[str],
        Meta(description="Hosts that wrote its lines, by envelope or header; five at most.", examples=[["web-1"]]),
    ] = []
    files: Annotated[
        list[str],
        Meta(
            description="Log files of its lines, by the envelope; five at most.",
            examples=[["/var/log/shop/orders.log"]],
        ),
    ] = []


class ExplainedLine(Struct, frozen=True, kw_only=True):
    """A line of an anomalous window that is evidence of an explanation; `count` is the window's lines of the event."""

    template: Annotated[str, Meta(description="Id of its event's template.", examples=["41d0aa93be7f2c18"])]
    line: Annotated[str, Meta(description="The line, as the anomaly has it.", examples=["payment 17 refused: 402"])]
    count: Annotated[Count, Meta(description="The window's lines of the event.", examples=[3])]


class Explanation(Record, frozen=True, kw_only=True):
    """A language model's explanation of a window shape: the cause of the anomaly, the evidence, and the next step.

    `anomaly` is the one that the call was about, `evidence` are lines of its window. `calls` and `tokens` are the cost.
    """

    system: Annotated[SystemName, Meta(description="Name of the system.", examples=["shop"])]
    shape: Annotated[str, Meta(description="Shape of its windows.", examples=["0f3c9a1be2d4476655aa01ce"])]
    anomaly: Annotated[
        str, Meta(description="Id of the anomaly that was explained.", examples=["5b2fb1bd1d2f4a0c9f0c8e0c1d7e6a11"])
    ]
    session: Annotated[str, Meta(description="Session of that anomaly.", examples=["req-1f2e3d"])]
    score: Annotated[Probability, Meta(description="Score of that anomaly.", examples=[0.97])]
    cause: Annotated[
        str,
        Meta(
            description="What most likely went wrong, in one or two sentences.",
            examples=["The payment provider refused the card, so the order was never charged."],
        ),
    ]
    evidence: Annotated[
        list[ExplainedLine],
        Meta(
            description="Lines of the window that show the cause, one at least.",
            examples=[[{"template": "41d0aa93be7f2c18", "line": "payment 17 refused: 402", "count": 3}]],
        ),
    ]
    next_step: Annotated[
        str, Meta(description="What to look at first.", examples=["Look at the provider's status for code 402."])
    ]
    explained_by: Annotated[str, Meta(description="The language model.", examples=["gpt-4o-mini"])]
    calls: Annotated[Sum, Meta(description="Requests that it took.", examples=[1])]
    tokens: Annotated[Sum, Meta(description="Tokens that it took.", examples=[1830])]
    explained_at: Annotated[Seconds, Meta(description="When it was explained.", examples=[1764241056.4])]
    incident: Annotated[
        str | None,
        Meta(
            description="Id of the incident that it was explained for; null: the anomaly was in none.",
            examples=["7d0c1f6b52a94be3a1f0b5d2c9e84f10"],
        ),
    ] = None


class Feedback(Record, frozen=True, kw_only=True):
    """An operator's verdict on an anomaly: on its window shape, or on an event of it.

    A dismissal mutes; without `until` it is a label as well, as every confirmation is: it outranks the teacher's and
    the model's, and the next distillation is trained with it.
    """

    anomaly: Annotated[str, Meta(description="Id of the anomaly.", examples=["5b2fb1bd1d2f4a0c9f0c8e0c1d7e6a11"])]
    system: Annotated[SystemName, Meta(description="Name of its system.", examples=["shop"])]
    shape: Annotated[str, Meta(description="Its window shape.", examples=["0f3c9a1be2d4476655aa01ce"])]
    verdict: Annotated[
        Literal["confirm", "dismiss"], Meta(description="Whether it is an anomaly.", examples=["dismiss"])
    ]
    by: Annotated[str, Meta(description="Who gives the verdict.", examples=["ann"])]
    at: Annotated[Seconds, Meta(description="When.", examples=[1764244800.0])]
    note: Annotated[str, Meta(description="Why, in free text.", examples=["a planned restart"])] = ""
    scope: Annotated[
        Literal["shape", "event"],
        Meta(description="Whether it is about windows of this shape, or about an event in any.", examples=["shape"]),
    ] = "shape"
    event: Annotated[
        str, Meta(description="Of scope event: the id of its template.", examples=["9c1f4e2ab07d3356"])
    ] = ""
    text: Annotated[
        str,
        Meta(description="Of scope event: its constant text.", examples=["payment <NUM> refused: <NUM>"]),
    ] = ""
    absent: Annotated[
        bool, Meta(description="Of scope event: whether it is about windows that lack the event.", examples=[False])
    ] = False
    until: Annotated[
        Seconds | None,
        Meta(description="When a dismissal ends; null: it does not, and is a label.", examples=[1764849600.0]),
    ] = None
    incident: Annotated[
        str | None,
        Meta(
            description="Id of the incident that the verdict was given on; null: it was given on the anomaly.",
            examples=["7d0c1f6b52a94be3a1f0b5d2c9e84f10"],
        ),
    ] = None
    events: Annotated[
        list[EventLabel],
        Meta(
            description="The events of the anomaly's window, each with its probability under this verdict.",
            examples=[
                [
                    {
                        "template": "9c1f4e2ab07d3356",
                        "text": "payment <NUM> refused: <NUM>",
                        "count": 3,
                        "probability": 0.0,
                    }
                ]
            ],
        ),
    ] = []
