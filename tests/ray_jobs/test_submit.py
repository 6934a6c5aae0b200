import socket

import pytest

from fusionlog.errors import RayError
from ray_jobs.submit import submit


def test_a_cluster_that_does_not_answer_is_one_sentence():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(RayError, match=f"no Ray Jobs API at {address}: start Ray there, or set FUSIONLOG_RAY_ADDRESS"):
        submit(address, ["true"], {})
