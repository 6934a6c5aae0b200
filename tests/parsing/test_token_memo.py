import pytest

from fusionlog.parsing import token_memo
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.token_memo import CONTEXT, EXACT, FOLD, TokenMemo


def make_memo() -> TokenMemo:
    return TokenMemo(Masks({}).mask_token, True)


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        ("/srv/a-0/00.log:", f"{FOLD}<PATH>:"),
        ("to=<ann@post.example>,", f"{FOLD}to=<<ADDRESS>>,"),
        ("0jXd0z0SSW0", f"{FOLD}<ID>"),
        ("(f0000bdfa00000f0)", f"{FOLD}{FOLD}(a0000000)"),
        ("port=0000", "port=0000"),
        ("started", "started"),
        ("0x00ab00cd00", "0x00ab00cd00"),
    ],
)
def test_what_comes_once_is_folded(shape: str, form: str) -> None:
    assert make_memo().form(shape) == form


@pytest.mark.parametrize(
    ("form", "masked"),
    [
        ("port=0000", "port=<NUM>"),
        (f"{FOLD}<PATH>:", "<PATH>:"),
        (f"{FOLD}{FOLD}(a0000000)", "(<NUM>)"),
        ("eth0", EXACT),
        ("status=000", EXACT),
        ("0x00", EXACT),
        ("code", CONTEXT),
        ("on=0000-00-00", CONTEXT),
    ],
)
def test_a_form_is_masked_where_no_digit_decides(form: str, masked: str) -> None:
    assert make_memo().of_form(form) == masked


def test_a_dropped_token_is_masked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_memo, "MEMO_TOKENS", 2)
    memo = make_memo()
    for _ in range(2):
        masked = [memo.of_exact(f"status={code}") for code in (200, 404, 500, 502, 503)]
        assert masked[0] == "\ue000status=200"
        assert memo.context("status=200", "status=000").codes


def test_a_long_token_is_masked_but_not_kept() -> None:
    long = "x" * 300 + "=" + "7" * 3
    memo = make_memo()
    assert memo.of_form(memo.form(long.replace("7", "0"))) == EXACT
    assert memo.of_exact(long) == "x" * 300 + "=<NUM>"
