from hypothesis import given
from hypothesis import strategies as st

from fusionlog.utils.bounded_cache import Memo


def test_what_is_asked_for_stays_and_what_is_not_leaves() -> None:
    memo: Memo[int, str] = Memo(3)
    memo.put(-1, "hot")
    memo.put(-2, "cold")
    for key in range(20):
        memo.put(key, "x")
        assert memo.get(-1) == "hot"
    assert memo.get(-2) is None


def test_pop_forgets_in_both_generations() -> None:
    memo: Memo[str, int] = Memo(1)
    memo.put("a", 1)
    memo.put("b", 2)
    assert (memo.pop("a"), memo.pop("b"), memo.pop("c")) == (1, 2, None)
    assert memo.get("a") is None and memo.get("b") is None


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans())), st.integers(1, 5))
def test_it_is_bounded_and_never_wrong(steps: list[tuple[int, bool]], entries: int) -> None:
    memo: Memo[int, int] = Memo(entries)
    latest: dict[int, int] = {}
    for step, (key, write) in enumerate(steps):
        if write:
            memo.put(key, step)
            latest[key] = step
        else:
            assert memo.get(key) in (None, latest.get(key))
        assert len(memo) <= 2 * entries


def test_many_keys_at_once_are_as_each_by_itself() -> None:
    memo: Memo[str, int] = Memo(2)
    for number, key in enumerate("abc"):
        memo.put(key, number)
    assert memo.get_all("abca") == [0, 1, 2, 0] and memo.get_all("xa") == [None, 0]
