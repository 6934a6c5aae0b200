"""Encodings by the bytes of records."""

from __future__ import annotations

import pytest

from fusionlog.onboarding.encoding_guess import guess_encoding

TEXTS = {
    "utf-8": ["Benutzer Müller", "用户张三登录失败", "order taken"],
    "gbk": ["2026 INFO 订单 17 已创建", "支付失败:余额不足", "用户张三登录失败,原因:密码错误"],
    "big5": ["訂單 17 已建立", "付款失敗:餘額不足", "使用者登入失敗,原因:密碼錯誤"],
    "shift_jis": ["注文 17 を受け付けました", "支払いに失敗しました: 残高不足", "ログインエラー"],
    "euc_jp": ["注文 17 を受け付けました", "支払いに失敗しました: 残高不足", "ログインエラー"],
    "euc_kr": ["주문 17 생성됨", "결제 실패: 잔액 부족", "로그인 오류 사용자"],
    "cp1252": ["Benutzer Müller konnte nicht geöffnet werden", "échec de la création", "größe"],
    "cp1251": ["Ошибка подключения к базе", "заказ 17 создан"],
    "utf-16": ["order 17 created"],
    "utf-16-le": ["order 17 created", "order 18 created"],
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_encoding_is_that_of_which_the_text_looks_like_text(name: str) -> None:
    guess = guess_encoding([b"plain" if name == "gbk" else b"", *(text.encode(name) for text in TEXTS[name])])
    assert guess.name == name
    assert guess.share > 0.9


def test_no_records_are_utf_8() -> None:
    assert guess_encoding([]).name == "utf-8"
