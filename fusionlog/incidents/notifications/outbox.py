"""What a target is still to be notified of: the incidents as they are now against what it accepted last. No I/O.

Nothing is queued: an incident that changes while it waits is sent as it is then, and one that came and went is not
sent. Of what waits the most severe incidents come first, then the earliest.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf

from fusionlog.incidents.notifications.due import Due, Suppression, change_of, notified, suppressed
from fusionlog.incidents.notifications.messages import MAX_BATCH, REPEAT_SECONDS
from fusionlog.novelty.reasons.severity import SEVERITIES
from fusionlog.records import Incident, Notification, Seconds
from fusionlog.settings import Target

MINUTE = 60.0
FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
"""Seconds between two requests to a target that fails, at most, unless it asks for more."""


class Outbox:
    """The messages that one target is due. Times without a name are seconds of any monotonic clock."""

    def __init__(
        self, target: Target, sent: Iterable[Notification] = (),
        suppressed: Callable[[Suppression], None] = lambda reason: None,
    ) -> None:  # fmt: skip
        """`sent` is what the target accepted, by any worker; `suppressed` gets why it is not notified of something."""
        self.target, self._suppressed = target, suppressed
        self._sent = {each.incident: each for each in sent}
        self._incidents: dict[str, Incident] = {}
        self._due: dict[str, Due] = {}
        self._since: dict[str, float] = {}
        self._repeated: dict[str, float] = {}
        self._requests: deque[float] = deque()
        self._alone: set[str] = set()
        self._refused: set[str] = set()
        self._given_up: set[str] = set()
        self._blocked_until, self._failures, self._failing_since = -inf, 0, -inf
        self.problem: str | None = None
        """Why the target did not accept the last request; None where it did."""
        self.is_away = False
        """Whether the last request failed: the target accepts nothing now. One that refuses a message is there."""

    def __contains__(self, id: str) -> bool:
        return id in self._incidents

    def __len__(self) -> int:
        """Incidents that wait for a message."""
        return len(self._due)

    def put(self, incident: Incident, now: float) -> None:
        """Take an incident as it is now."""
        id, sent = incident.id, self._sent.get(incident.id)
        change = change_of(incident, sent, self.target.settings)
        changed = (before := self._incidents.get(id)) is None or _state(before) != _state(incident)
        if changed:
            self._refused.discard(id)
            self._given_up.discard(id)
            self._since[id] = now
            self._report(incident, sent)
        if incident.status == "open" or change is not None:
            self._incidents[id] = incident
        else:
            self._drop(id)
        if change is None or id in self._refused:
            self._due.pop(id, None)
        else:
            self._due[id] = Due(incident, change, sent)

    def remove(self, id: str) -> bool:
        """Forget an incident; whether the target was notified of it."""
        self._drop(id)
        return self._sent.pop(id, None) is not None

    def next(self, now: float) -> Sequence[Due]:
        """The messages of one request that may be sent now; none where none is due, or the target is to be left
        alone."""
        if self._due and not self._wait(now):
            return self._batch()
        repeats = self._repeats(now)
        return repeats if repeats and not self._wait(now) else ()

    def wait(self, now: float) -> float | None:
        """The seconds until there may be a next request; None where only another incident makes one."""
        if self._due:
            return self._wait(now)
        firing = [self._repeated.get(id, -inf) + REPEAT_SECONDS - now for id in self._firing()]
        return max(0.0, self._wait(now), min(firing)) if firing else None

    def started(self, now: float) -> None:
        """Count a request, whatever its answer."""
        self._requests.append(now)

    def delivered(self, batch: Sequence[Due], now: float, at: Seconds) -> list[Notification]:
        """Note that the target accepted a request; what is to be written of it.

        :param at: Unix time in seconds.
        """
        self.problem, self.is_away, self._failures, self._blocked_until = None, False, 0, -inf
        written = [notified(due, self.target, at) for due in batch if due.change is not None]
        self._sent.update((each.incident, each) for each in written)
        for due in batch:
            self._repeated[due.id] = now
            self._again(due.id, now)
        return written

    def refused(self, batch: Sequence[Due], now: float, why: str) -> list[Due]:
        """Note that the target refuses a request for good; the messages to give up: none where the fault may be
        another's of the batch, which are sent one by one then."""
        self.problem, self.is_away, self._failures, self._blocked_until = why, False, 0, -inf
        if len(batch) > 1:
            self._alone.update(due.id for due in batch)
            return []
        for due in batch:
            self._repeated[due.id] = now
            self._refused.add(due.id)
            self._due.pop(due.id, None)
        return [due for due in batch if due.change is not None]

    def failed(self, batch: Sequence[Due], now: float, why: str, asked: float | None) -> list[Due]:
        """Note that the target did not accept a request now; the messages that waited for too long, each once.

        They are tried again, as long as they stand: an incident that is open is worth a late message.

        :param asked: seconds that the target asks to be left alone, at least.
        """
        self.problem, self.is_away = why, True
        if not self._failures:
            self._failing_since = now
        growing = min(FIRST_WAIT * 2.0 ** min(self._failures, 30), LONGEST_WAIT) * random.uniform(0.5, 1.0)
        self._failures += 1
        self._blocked_until = now + max(growing, asked or 0.0)
        until = now - self.target.settings.give_up_seconds
        late = [
            due for due in self._due.values()
            if max(self._since[due.id], self._failing_since) <= until and due.id not in self._given_up
        ]  # fmt: skip
        self._given_up.update(due.id for due in late)
        return late

    def _again(self, id: str, now: float) -> None:
        """Find what is due on an incident after a message on it."""
        self._due.pop(id, None)
        self._alone.discard(id)
        self._given_up.discard(id)
        if (incident := self._incidents.get(id)) is not None:
            self._since[id] = now
            self.put(incident, now)

    def _batch(self) -> Sequence[Due]:
        ordered = sorted(self._due.values(), key=_urgency)
        if ordered[0].id in self._alone:
            return ordered[:1]
        return [due for due in ordered if due.id not in self._alone][: MAX_BATCH[self.target.type]]

    def _repeats(self, now: float) -> list[Due]:
        late = [id for id in self._firing() if now - self._repeated.get(id, -inf) >= REPEAT_SECONDS]
        return [Due(self._incidents[id], None, self._sent[id]) for id in late[: MAX_BATCH[self.target.type]]]

    def _firing(self) -> Iterator[str]:
        """The open incidents that an Alertmanager has, whose alerts end unless they are sent again."""
        if self.target.type == "alertmanager":
            for id, incident in self._incidents.items():
                if incident.status == "open" and id in self._sent and self._sent[id].status == "open":
                    yield id

    def _wait(self, now: float) -> float:
        """The seconds for which the target is left alone: it failed, or the requests of the minute are spent."""
        while self._requests and self._requests[0] <= now - MINUTE:
            self._requests.popleft()
        spent = len(self._requests) >= self.target.settings.per_minute
        free_at = self._requests[0] + MINUTE if spent else -inf
        return max(0.0, free_at - now, self._blocked_until - now)

    def _drop(self, id: str) -> None:
        for each in (self._incidents, self._due, self._since, self._repeated):
            each.pop(id, None)
        for marked in (self._alone, self._refused, self._given_up):
            marked.discard(id)

    def _report(self, incident: Incident, sent: Notification | None) -> None:
        """Count an incident that the target is not notified of: it is not wanted, or was over before its turn."""
        if sent is not None:
            return
        reason = suppressed(incident, self.target.settings)
        if incident.status != "open":
            reason = "over" if incident.id in self._due else None
        if reason is not None:
            self._suppressed(reason)


def _state(incident: Incident) -> tuple[object, ...]:
    """What a message may be about: an incident that is the same in it is not tried again."""
    return incident.status, incident.severity, incident.reopened, len(incident.systems), incident.explanation is None


def _urgency(due: Due) -> tuple[int, float, str]:
    return -SEVERITIES.index(due.incident.severity), due.incident.first_seen, due.id
