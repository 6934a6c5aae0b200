from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.templates import CONSTANT, Mined, TemplateMiner
from fusionlog.parsing.unspaced import hide_names, joined, pieces
from fusionlog.settings import IngestSettings, SystemSettings, WindowSettings

CASE = Path(__file__).parents[1] / "cases" / "lines-in-chinese" / "lines.log"
SYSTEM = SystemSettings(window=WindowSettings(by="count", size=20))
CHINESE = ["张三", "李四", "王五", "欧阳修", "陈小明", "司马相如", "anna"]
JAPANESE = ["田中", "佐藤花子", "鈴木", "ジョン"]
KOREAN = ["김철수", "박영희", "이준", "남궁민수"[:3]]
THAI = ["สมชาย", "สมหญิง", "วิชัย"]


def events(lines: list[str]) -> set[str]:
    parser = Parser("users", SYSTEM, IngestSettings())
    return {parser.parse(line).text for line in lines}


def test_lines_of_two_statements_are_two_events_whoever_the_user_is() -> None:
    assert events(CASE.read_text("utf-8").splitlines()) == {"用户<*>登录失败,原因:密码错误", "用户<*>登录成功"}


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("用户{}登录成功", CHINESE),
        ("用户：{}，登录失败", CHINESE),
        ("用户[{}]余额不足", CHINESE),
        ("会员{}充值成功，金额：10", CHINESE),
        ("管理员王五删除了用户{}", CHINESE),
        ("{}登录成功", ["张三", "李四", "陈小明"]),
        ("使用者{}登入失敗", ["王小明", "陳大文"]),
        ("ユーザー{}がログインに失敗しました", JAPANESE),
        ("ユーザー「{}」のパスワードが無効です", JAPANESE),
        ("{}さんがログインしました", ["田中", "佐藤"]),
        ("사용자 {}가 로그인했습니다", KOREAN),
        ("사용자 {} 로그인 실패", KOREAN),
        ("회원 {}님이 주문을 취소했습니다", KOREAN),
        ("ผู้ใช้{}เข้าสู่ระบบล้มเหลว", THAI),
    ],
)
def test_a_statement_is_one_event_whatever_the_name(statement: str, names: list[str]) -> None:
    assert len(events([statement.format(name) for name in names])) == 1


@pytest.mark.parametrize(
    "lines",
    [
        ["用户登录失败", "用户登录成功", "用户登出成功", "用户余额不足", "用户权限不足", "用户密码错误"],
        ["订单 1 支付失败，余额不足，请重试", "订单 1 支付成功，余额不足，请重试", "订单 1 退款失败，余额不足，请重试"],
        ["用户张三登录成功", "用户张三登录失败", "用户张三登出成功"],
        ["ユーザー田中がログインに失敗しました", "ユーザー田中がログインに成功しました", "ユーザーがログインしました"],
        ["사용자 이름이 없습니다", "사용자 정보가 없습니다", "사용자 권한이 없습니다"],
        ["ผู้ใช้เข้าสู่ระบบล้มเหลว", "ผู้ใช้เข้าสู่ระบบสำเร็จ"],
    ],
)
def test_statements_stay_apart(lines: list[str]) -> None:
    assert len(events(lines)) == len(lines)


def test_what_varies_in_a_longer_sentence_is_generalised_between_its_words() -> None:
    miner = TemplateMiner(0.8, 4, 128, 100)
    miner.add("用户<*>从北京登录成功，请确认")
    mined = miner.add("用户<*>从上海登录成功，请确认")
    assert mined.text == "用户<*>从<*>登录成功，请确认" and mined.replaces == "用户<*>从北京登录成功，请确认"
    assert miner.add("用户<*>从上海登录失败，请确认").new
    again = TemplateMiner(0.8, 4, 128, 100)
    again.restore([("用户<*>从<*>登录成功，请确认", ())])
    assert again.add("用户<*>从广州登录成功，请确认") == Mined("用户<*>从<*>登录成功，请确认", None, False)


def test_constants_are_counted_by_blanks_and_come_back() -> None:
    miner = TemplateMiner(0.8, 4, 128, 100)
    mined = miner.add(f"支付失败 {CONSTANT}502 请重试 {CONSTANT}code=3")
    assert mined == Mined("支付失败 502 请重试 code=3", None, True, (1, 3))
    again = TemplateMiner(0.8, 4, 128, 100)
    again.restore([(mined.text, mined.constants)])
    assert not again.add(f"支付失败 {CONSTANT}502 请重试 {CONSTANT}code=3").new
    assert again.add(f"支付失败 {CONSTANT}503 请重试 {CONSTANT}code=3").new


@pytest.mark.parametrize(
    "text", ["用户<*>登录,原因:<NUM>次", "ユーザー<IP>がログイン", "a<b>c用户<", "ผู้ใช้ 사용자 x", "\ue001"]
)
def test_pieces_make_up_their_text(text: str) -> None:
    assert joined(piece for token in text.split() for piece in pieces(token)) == text


@pytest.mark.parametrize(
    "text", ["用户<KEY>登录成功", "用户 <NUM> 登录成功", "user anna logged in", "安全检查失败", "数据库连接超时"]
)
def test_what_is_no_name_stays(text: str) -> None:
    assert hide_names(text) == text
