from fusionlog.detector.sequence import by_cache_key, cache_key, order_of
from tests.factories import make_window

ONE = make_window("disk failed", "disk full", "disk failed")
SWAPPED = make_window("disk full", "disk failed", "disk failed", session="s2")


def test_one_multiset_in_two_orders_is_one_look_for_a_set_and_two_for_a_gru():
    assert cache_key(ONE, "set") == cache_key(SWAPPED, "set") == ONE.shape
    assert cache_key(ONE, "gru") != cache_key(SWAPPED, "gru")
    assert cache_key(ONE, "gru") == cache_key(
        make_window("disk failed", "disk full", "disk failed", session="s3"), "gru"
    )
    assert [len(group) for group in by_cache_key([ONE, SWAPPED, ONE], "set")] == [3]
    assert by_cache_key([ONE, SWAPPED, ONE], "gru") == [[ONE, ONE], [SWAPPED]]


def test_the_order_is_which_event_stands_in_each_line():
    assert order_of(ONE, "gru").tolist() == [0, 1, 0]
    assert order_of(ONE, "set") is None
