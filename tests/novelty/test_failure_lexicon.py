from __future__ import annotations

import pytest

from fusionlog.novelty.failure_lexicon import contradict, valence, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "081109 203530 147 INFO dfs.DataNode: Receiving block blk_-1 src: /10.2.3.4:5",
            "dfs datanode receiving block src",
        ),
        ("INFO nova.compute [req-a5ef-1] [instance: a61d63f3-1dd8] VM Started", "nova compute instance vm started"),
        ("mount of <PATH> failed on /data/x", "mount of failed on"),
        ("FATAL machine check", "machine check"),
        ("added to invalidSet", "added to invalidset"),
        ("12:30 4711", ""),
    ],
)
def test_words_are_the_constant_ones(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mount failed", -1),
        ("unable to open socket", -1),
        ("java io ioexception could not read", -1),
        ("file not found", -1),
        ("connection timed out", -1),
        ("no errors found on disk", 1),
        ("verification succeeded for block", 1),
        ("parity error detected and corrected", 1),
        ("job finished without error", 1),
        ("did not complete", -1),
        ("no errors", 1),
        ("order placed", 0),
        ("not able to reach peer", -1),
        ("added to invalidset", 0),
    ],
)
def test_valence_of_failure_and_success(text: str, expected: int) -> None:
    assert valence(text) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("mount of volume failed", "mount of volume succeeded", True),
        ("able to reach peer", "unable to reach peer", True),
        ("scan ended with error", "scan ended with no error", True),
        ("link is up", "link is down", True),
        ("block lost", "block found", True),
        ("service started", "service stopped", True),
        ("mount of volume", "mount of volume failed", True),
        ("mount of volume failed", "mounting a volume failed", False),
        ("receiving block from peer", "receiving packet from peer", False),
    ],
)
def test_opposites_are_opposed_both_ways(one: str, other: str, expected: bool) -> None:
    assert contradict(one, other) is contradict(other, one) is expected
