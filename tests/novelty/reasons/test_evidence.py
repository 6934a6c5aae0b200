from __future__ import annotations

from msgspec.structs import replace

from fusionlog.novelty.cooccurrence import LEAST_WINDOWS
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.reasons.evidence import MOST_ABSENT, compared, evidence_of
from fusionlog.records import Evidence, Window
from tests.factories import make_event, make_window

STEPS = ("order opened", "stock reserved", "payment accepted", "mail sent")
ORDER = make_window(*STEPS)


def profile_of(*windows: tuple[Window, int]) -> SystemProfile:
    profile = SystemProfile()
    for window, times in windows:
        profile.update(window, times)
    return profile


def compared_by(profile: SystemProfile, window: Window, *named: str) -> dict[str, Evidence]:
    """The evidence by its text, that of a verdict on these events of the window, which was not counted."""
    verdict = [replace(evidence_of(event), probability=0.6) for event in window.events if event.text in named]
    return {each.text: each for each in compared(verdict, window, profile, own=0)}


def test_a_missing_step_is_evidence_with_its_share_and_the_event_beside_it() -> None:
    window = make_window("order opened", "stock reserved", "mail sent")
    found = compared_by(profile_of((ORDER, 990), (window, 10)), window, "mail sent")
    absent = found["payment accepted"]
    assert absent.absent and absent.count == 0 and absent.example == "" and absent.probability is None
    assert (absent.typical, absent.share, absent.windows) == (1, 0.99, 1000)
    assert absent.beside in window_texts(window)
    assert next(iter(found)) == "payment accepted"


def test_several_missing_steps_are_a_few() -> None:
    long = make_window(*(f"step {'i' * number} done" for number in range(1, 12)))
    window = make_window("step i done")
    found = compared_by(profile_of((long, 200)), window, "step i done")
    assert sum(each.absent for each in found.values()) == MOST_ABSENT


def test_the_evidence_of_a_verdict_has_typical_counts_and_shares() -> None:
    window = make_window(*STEPS, "mail sent", "mail sent", "mail sent", "cache cold")
    profile = profile_of((ORDER, 95), (make_window(*STEPS, "mail sent"), 5))
    found = compared_by(profile, window, "mail sent", "cache cold")
    mail, cold = found["mail sent"], found["cache cold"]
    assert (mail.count, mail.typical, mail.share, mail.windows, mail.atypical) == (4, 1, 1.0, 100, True)
    assert (cold.count, cold.typical, cold.share, cold.atypical) == (1, None, 0.0, False)


def test_what_is_unusual_in_the_window_stands_beside_the_evidence_of_the_verdict() -> None:
    window = make_window(*STEPS, "mail sent", "mail sent", "mail sent", "disk failed")
    found = compared_by(profile_of((ORDER, 100)), window, "order opened")
    assert next(iter(found)) == "disk failed" and found["mail sent"].atypical and "stock reserved" not in found


def test_an_unusual_value_stands_beside_its_event() -> None:
    def took(seconds: float) -> Window:
        events = [make_event("order opened"), replace(make_event("mail sent"), duration=seconds)]
        return make_window(events=events, sequence=[0, 1])

    profile = SystemProfile()
    for _ in range(100):
        profile.update(took(0.05))
    found = compared_by(profile, took(30.0))
    assert found["mail sent"].value.startswith("its duration 30 s, usually below")
    assert not any(each.value for each in compared_by(profile, took(0.06)).values())


def test_a_system_of_few_windows_has_no_typical_counts() -> None:
    window = make_window("order opened")
    (found,) = compared_by(profile_of((ORDER, LEAST_WINDOWS - 1)), window, "order opened").values()
    assert (found.typical, found.share, found.windows, found.absent) == (None, None, 0, False)


def test_a_window_counted_already_is_left_out() -> None:
    window = make_window(*STEPS, "disk failed")
    profile = profile_of((ORDER, 99), (window, 1))
    found = {each.text: each for each in compared([], window, profile, own=1)}
    assert (found["disk failed"].share, found["disk failed"].windows) == (0.0, 99)


def window_texts(window: Window) -> set[str]:
    return {event.text for event in window.events}
