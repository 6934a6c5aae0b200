"""What workers and commands do with a record of each type once it is decoded, without Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_args

from msgspec.structs import replace

from fusionlog import releases
from fusionlog.cli import explanations as explanations_command
from fusionlog.cli import feedback as feedback_command
from fusionlog.cli import status as status_command
from fusionlog.cli.incidents_view import whole
from fusionlog.cli.labels_view import event_lines, label_lines, shape_lines
from fusionlog.cli.models_view import release_lines, view_of
from fusionlog.cli.train import status_lines, status_of
from fusionlog.errors import ModelError, RecordError
from fusionlog.explanation.priority_pool import Pool
from fusionlog.explanation.prompt import messages, pseudonyms_of, unit_of
from fusionlog.incidents.notifications.messages import MAX_BATCH, request_of
from fusionlog.incidents.notifications.outbox import Outbox
from fusionlog.incidents.state import Incidents
from fusionlog.kafka import codecs
from fusionlog.novelty.profile import SystemProfile
from fusionlog.observability.deployment import deployment
from fusionlog.online.decisions import Decisions, SystemState, decide
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.label_review import Named, restored, reviewed, revoked
from fusionlog.online.operator_verdicts import OperatorVerdicts, merged
from fusionlog.online.scorer import Scorer
from fusionlog.parsing.parser import Parser
from fusionlog.records import (
    Anomaly,
    Explanation,
    Feedback,
    Incident,
    KeyedLine,
    ModelRelease,
    Notification,
    PseudoLabel,
    Record,
    Spend,
    Status,
    Template,
    Training,
    Window,
    WorkerState,
)
from fusionlog.rules import DEFAULT_METHOD
from fusionlog.settings import IngestSettings, ScoreSettings, SecondOpinionSettings, Settings, SystemSettings
from fusionlog.teachers.llm.shared_budget import SharedBudget
from fusionlog.teachers.llm.spend_summary import lines_of, summary_of
from fusionlog.teachers.llm.usage import Prices
from fusionlog.workers import anomaly_record
from fusionlog.workers.explained_shapes import ExplainedShapes
from tests.factories import make_anomaly, make_label, make_window
from tests.fuzz.invariants import assert_record, assert_refused, assert_sentence
from tests.incidents.notifications.factories import make_incident, make_target
from tests.online.factories import knowing, release
from tests.workers.train.fakes import Deployment

SHOP = SystemSettings(description="a shop", policy="alert on failures")
ORDINARY = make_window("disk failed", "disk opened")
NOW = 1_700_000_000.0


@cache
def _scorer() -> Scorer:
    return Scorer(ScoreSettings(provider="cpu"))


@cache
def _release() -> ModelRelease:
    return release(created=1.0)


def _knowing() -> Knowledge:
    return knowing(DEFAULT_METHOD, _release())


def use_window(window: Window) -> None:
    """Route, score and report it, and count it."""
    knowledge = _knowing()
    routed = knowledge.route(window)
    assert_record(routed)
    state = SystemState.of(knowledge, _scorer(), SecondOpinionSettings(share=0.5))
    for place, verdict in decide([routed, ORDINARY], state).settled:
        label = make_label((routed, ORDINARY)[place], 0.9)
        assert_record(anomaly_record.by_teacher((routed, ORDINARY)[place], label, NOW))
        if not isinstance(verdict, PseudoLabel):
            found = anomaly_record.by_model(
                (routed, ORDINARY)[place],
                verdict.probability,
                verdict.threshold,
                verdict.events,
                "m",
                NOW,
                verdict.novelty,
            )
            assert_record(found)
            use_anomaly(found)
    assert SystemProfile.unpack(state.detector.profile.pack()).windows == state.detector.profile.windows


def use_label(label: PseudoLabel) -> None:
    """Learn, list, revoke, restore and forget it."""
    knowledge = _knowing()
    for each in (label, make_label(ORDINARY, 0.2, system=label.system)):
        knowledge.learn(each)
    knowledge.route(ORDINARY)
    knowledge.labels_for([ORDINARY])
    knowledge.describe([ORDINARY], knowledge.version_in_use)
    review = reviewed([label])
    lines = [*(line for each in review.events for line in event_lines(each)), *label_lines([label])]
    lines += [line for shape in review.shapes for line in shape_lines(shape)]
    assert sum(map(len, lines)) < 20 * len(codecs.encode(label)) + 2_000
    withdrawn = revoked([label], Named(frozenset(), frozenset([label.shape])), "ann", "", NOW)
    for each in (*withdrawn, *restored(withdrawn)):
        assert_record(each)
        knowledge.learn(each)
    knowledge.forget(label.shape)
    knowledge.route(ORDINARY)


def use_release(found: ModelRelease) -> None:
    """Refuse it, or route and score with it: as it came, and as one who has the key and the encoder makes it."""
    try:
        releases.verify(found, None)
    except ModelError as error:
        assert_sentence(error, secret="\x00")
    knowledge = _knowing()
    mended = replace(found, system="shop", encoder="test", created=min(found.created, NOW))
    try:
        adopted = knowledge.adopt(releases.sign(mended, None))
        state = SystemState.of(knowledge, Scorer(ScoreSettings(provider="cpu")), SecondOpinionSettings(share=0.5))
        decisions = decide([knowledge.route(ORDINARY)], state) if adopted else Decisions()
    except ModelError as error:
        assert_sentence(error, secret="\x00")
        return
    assert all(0.0 <= verdict.probability <= 1.0 for _, verdict in decisions.settled)


def use_anomaly(anomaly: Anomaly) -> None:
    """Wait with it in the pool, and ask for its explanation."""
    pool: Pool[int] = Pool(1)
    assert pool.add(anomaly, 1) is None and pool.best(lambda each: True) is not None
    try:
        unit = unit_of(anomaly, SHOP)
    except RecordError as error:
        assert error.reason == "no-events"
        assert_refused(error)
        return
    if len(anomaly.reason) % 3 == 0:  # it takes most of the time
        pseudonyms_of(anomaly, SHOP)
    sent = messages(unit, anomaly)
    assert sum(len(each["content"].encode()) for each in sent) < 20 * len(codecs.encode(anomaly)) + 10_000


def use_explanation(explanation: Explanation) -> None:
    """Note that its shape is explained, and list it."""
    shapes = ExplainedShapes(Settings())
    shapes._on_record("", explanation)
    assert (explanation.system, explanation.shape) in shapes
    list(explanations_command._lines(explanation))
    shapes._on_record(codecs.key_of(explanation), None)


def use_template(template: Template) -> None:
    """Start a parser with it."""
    parser = Parser(template.system, SystemSettings(), IngestSettings())
    parser.restore([template])
    for line in (template.example, template.text, "disk failed"):
        if line.strip():
            parser.parse(line[: IngestSettings().max_line_bytes])
    for each in parser.new_templates(NOW):
        assert_record(each)


def use_spend(spend: Spend) -> None:
    """Count it beside others, show the sums, and reserve a call."""
    asyncio.run(_spend(spend))


async def _spend(spend: Spend) -> None:
    sent: list[tuple[str, Spend | None]] = []

    async def send(key: str, record: Spend | None) -> None:
        sent.append((key, record))
        budget.update(key, record)

    now = float(min(max(spend.minute, 0), int(NOW)))
    budget = SharedBudget(spend.role, Prices(1.0, 1.0), 10.0, send, clock=lambda: now)
    for worker in ("one", "two", spend.worker):
        budget.update(worker, spend)
    budget.show()
    account = budget.account(5, "FUSIONLOG_LABEL__CALLS_PER_HOUR", spend.system)
    assert account.left <= 5 and account.wait >= 0
    for line in lines_of(summary_of(budget.totals, Settings(), now)):
        assert len(line) < 2_000 + len(spend.system)
    await budget.remove_expired()
    for key, record in sent:
        assert record is None or codecs.key_of(record) == key


def use_feedback(feedback: Feedback) -> None:
    """A verdict mutes, is a label, and corrects labels."""
    verdicts, anomaly = OperatorVerdicts(), make_anomaly("disk failed", "disk opened")
    verdicts.put(codecs.key_of(feedback), feedback)
    for each in (anomaly, replace(anomaly, shape=feedback.shape)):
        verdicts.mute_of(each, NOW)
    label = verdicts.label_of(replace(ORDINARY, shape=feedback.shape))
    for each in [label] if label else []:
        assert_record(each)
    for each in merged([make_label(ORDINARY)], [feedback]):
        assert_record(each)
    assert feedback_command.line(feedback)


def use_training(training: Training) -> None:
    """Lead with it: its job is followed, or its request; what is written is a record."""
    asyncio.run(_train(training))


async def _train(training: Training) -> None:
    here = Deployment(now=NOW)
    if training.state is not None:
        here.topic[training.system] = training.state
        here.started()
    if training.request is not None:
        here.requests[training.system] = training.request
    here.label(training.system)
    for _ in range(3):
        await here.check(10.0)
        here.ray.end()
    for name, state in here.topic.items():
        assert_record(Training(system=name, state=state))
        shown = status_of(Settings(), name, state, here.requests, here.labels, NOW)
        assert all(len(line) < 200_000 for line in status_lines(shown))
    if training.artefact is not None:
        assert list(release_lines(view_of(_release(), "", training.artefact)))


def use_line(line: KeyedLine) -> None:
    """See test_lines.py: it is used in its partition."""


def use_incident(incident: Incident) -> None:
    """A worker starts from the records of its topic, and counts an anomaly into them."""
    known = Incidents(known=[incident])
    for each in (known.update(make_anomaly("disk failed", "disk opened")), *known.resolve(NOW)):
        if each is not None:
            assert_record(each)

    for type in MAX_BATCH:
        outbox = Outbox(make_target(type, severity="info"))
        outbox.put(incident, 0.0)
        for due in outbox.next(0.0):
            assert json.loads(request_of([due], outbox.target, NOW).body)
            for each in outbox.delivered([due], 0.0, NOW):
                assert_record(each)
    assert list(whole(incident, ()))


def use_notification(notification: Notification) -> None:
    """A worker starts from it, for an incident that is open and one that is over."""
    for status in get_args(Status):
        incident = replace(make_incident(), id=notification.incident, status=status)
        for type in MAX_BATCH:
            outbox = Outbox(make_target(type), [notification])
            outbox.put(incident, 0.0)
            for due in outbox.next(0.0):
                assert json.loads(request_of([due], outbox.target, NOW).body)
                for each in outbox.delivered([due], 0.0, NOW):
                    assert_record(each)


def use_state(state: WorkerState) -> None:
    """`fusionlog status` shows it, whatever the clock of its worker."""
    for now in (state.at, NOW):
        found = deployment([state], now)
        assert status_command.problems(found) is not None and status_command.screen(found, now)


USES: Mapping[type[Record], Callable[[Any], None]] = {
    KeyedLine: use_line,
    Template: use_template,
    Window: use_window,
    PseudoLabel: use_label,
    ModelRelease: use_release,
    Anomaly: use_anomaly,
    Explanation: use_explanation,
    Feedback: use_feedback,
    Spend: use_spend,
    Training: use_training,
    Incident: use_incident,
    Notification: use_notification,
    WorkerState: use_state,
}
