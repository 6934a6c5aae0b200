import pytest

from fusionlog.utils.onnx import CPU, CUDA, Provider, providers, session_options


@pytest.mark.parametrize(
    ("wanted", "available", "tried"),
    [
        ("auto", [CUDA, CPU], [CUDA, CPU]),
        ("cuda", [CUDA, CPU], [CUDA, CPU]),
        ("cpu", [CUDA, CPU], [CPU]),
        ("auto", [CPU], [CPU]),
        ("cuda", [CPU], [CPU]),
    ],
)
def test_a_gpu_is_tried_first_where_it_is_there_and_wanted(
    wanted: Provider, available: list[str], tried: list[str]
) -> None:
    assert providers(wanted, available) == tried


def test_a_session_leaves_the_other_cores_alone() -> None:
    options = session_options(3)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
