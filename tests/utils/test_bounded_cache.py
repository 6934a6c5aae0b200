from hypothesis import given
from hypothesis import strategies as st

from fusionlog.utils.bounded_cache import BoundedCache


def test_what_is_asked_for_stays_and_what_is_not_leaves() -> None:
    cache: BoundedCache[int, str] = BoundedCache(3)
    cache.put(-1, "hot")
    cache.put(-2, "cold")
    for key in range(20):
        cache.put(key, "x")
        assert cache.get(-1) == "hot"
    assert cache.get(-2) is None


def test_pop_forgets_in_both_generations() -> None:
    cache: BoundedCache[str, int] = BoundedCache(1)
    cache.put("a", 1)
    cache.put("b", 2)
    assert (cache.pop("a"), cache.pop("b"), cache.pop("c")) == (1, 2, None)
    assert cache.get("a") is None and cache.get("b") is None


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans())), st.integers(1, 5))
def test_it_is_bounded_and_never_wrong(steps: list[tuple[int, bool]], entries: int) -> None:
    cache: BoundedCache[int, int] = BoundedCache(entries)
    latest: dict[int, int] = {}
    for step, (key, write) in enumerate(steps):
        if write:
            cache.put(key, step)
            latest[key] = step
        else:
            assert cache.get(key) in (None, latest.get(key))
        assert len(cache) <= 2 * entries


def test_many_keys_at_once_are_as_each_by_itself() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    for number, key in enumerate("abc"):
        cache.put(key, number)
    assert cache.get_all("abca") == [0, 1, 2, 0] and cache.get_all("xa") == [None, 0]
