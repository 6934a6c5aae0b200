import pytest

from fusionlog.workers.canary.sessions import Session, session_of


def test_a_session_is_read_back_from_its_name() -> None:
    session = Session(1764298800.123, "anomaly", "3fa2b1")
    assert session.name == "1764298800123-anomaly-3fa2b1"
    assert session_of(session.name) == session


@pytest.mark.parametrize(
    "name", ["", "s1", "1-anomaly-", "x-normal-a", "1-odd-a", "1-normal-a b", f"{10**20}-normal-a"]
)
def test_a_name_of_others_is_no_session(name: str) -> None:
    assert session_of(name) is None
