from pathlib import Path

import pytest

from fusionlog import settings
from fusionlog.errors import SettingError
from fusionlog.topics import CANARY

SYSTEMS = """
shop:
  description: a shop
  header: '<Date> <Content>'
  session: 'order (\\d+)'
  window: {by: session, idle_seconds: 30, max_events: 50}
  policy: Alert when an order is lost.
till:
  window: {by: count, size: 5}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_environment_sets_a_nested_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_LABEL__UNITS_PER_CALL", "7")
    assert settings.load().label.units_per_call == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUSIONLOG_METRICS_PORT", "99999"),
        ("FUSIONLOG_SCORE__PROVIDER", "tpu"),
        ("FUSIONLOG_KAFKA__PARTITIONS", "none"),
        ("FUSIONLOG_METHOD", "magic"),
        ("FUSIONLOG_LABEL__LABELLER", "indirect"),
        ("FUSIONLOG_ALPHA__SOURCE_CALLS", "27"),
        ("FUSIONLOG_INGEST__MESSAGE_FIELDS", "log"),
        ("FUSIONLOG_INGEST__MESSAGE_FIELDS", '["log"'),
        ("FUSIONLOG_CANARY__SECONDS", "0.5"),
    ],
)
def test_a_wrong_value_names_its_variable_and_itself(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as raised:
        settings.load()
    assert name in str(raised.value)
    assert value in str(raised.value)


def test_alphas_calls_must_leave_some_for_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_ALPHA__CALLS", "5")
    with pytest.raises(
        SettingError, match=r"SOURCE_CALLS is 4: .*of the 5 of FUSIONLOG_ALPHA__CALLS two .*: take 3 at most"
    ):
        settings.load()
    monkeypatch.setenv("FUSIONLOG_ALPHA__CALLS", "6")
    assert settings.load().alpha.source_calls == 4


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_KAFKA__SASL_PASSWORD", "hush")
    assert "hush" not in repr(settings.load())


def test_systems_are_read_from_their_file(tmp_path: Path) -> None:
    systems = settings.load(systems_file=write(tmp_path / "s.yaml", SYSTEMS)).systems
    assert systems["shop"].window.idle_seconds == 30
    assert systems["till"].window.size == 5


def test_a_system_without_settings_has_the_defaults(tmp_path: Path) -> None:
    assert settings.read_systems(write(tmp_path / "s.yaml", "shop:\n")) == {"shop": settings.SystemSettings()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("{multiline: auto}", {}),
        ("{multiline: true}", {}),
        ("{multiline: false}", {"enabled": False}),
        ("{multiline: {start: a, max_lines: 9}}", {"start": "a", "max_lines": 9}),
        ("{multiline: {wait_seconds: 9}}", {"wait_seconds": 9.0}),
    ],
)
def test_multiline_is_a_word_or_an_expression_with_limits(tmp_path: Path, text: str, value: dict[str, object]) -> None:
    shop = settings.read_systems(write(tmp_path / "s.yaml", f"shop: {text}"))["shop"]
    assert shop.multiline == settings.MultilineSettings.model_validate(value)
    assert settings.SystemSettings.model_validate(shop.model_dump()) == shop


def test_the_canary_is_read_beside_the_systems_of_the_file_and_is_none_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", SYSTEMS)
    off, on = (settings.load(systems_file=path, system="till", canary={"seconds": each}) for each in (0, 60))
    assert list(off.ingested) == list(off.systems) == list(on.systems) == ["till"]
    assert list(on.ingested) == ["till", CANARY] and on.topics.raw(CANARY) in on.topics.reads("ingest")
    assert off.topics.raw(CANARY) not in off.topics.all()


@pytest.mark.parametrize(
    ("default", "of_till", "canary"),
    [
        ("fusionlog+online", "", "source-only"),
        ("llm-only", "{method: fusionlog}", "source-only"),
        ("fusionlog", "{method: llm-only}", "source-only"),
        ("llm-only", "{method: offline}", "llm-only"),
    ],
)
def test_the_base_has_the_verdict_on_the_canary_where_any_system_is_scored(
    tmp_path: Path, default: str, of_till: str, canary: str
) -> None:
    """No call a minute; under llm-only a window shape costs one, once."""
    path = write(tmp_path / "s.yaml", f"shop:\ntill: {of_till}\n")
    assert settings.load(systems_file=path, method=default).method_of(CANARY) == canary
    assert settings.load(method=default).method_of(CANARY) == ("source-only" if default != "llm-only" else "llm-only")


def test_one_system_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", SYSTEMS)
    assert list(settings.load(systems_file=path, system="till").systems) == ["till"]
    with pytest.raises(SettingError, match="shop, till"):
        _ = settings.load(systems_file=path, system="bank").systems


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("shop: {window: {by: moon}}", "shop.window.by"),
        ("shop: {session: 'k=(x)', repartition: true}", "shop.repartition is True: window.by is count"),
        ("shop: {session: '(', window: {by: session}}", "shop.session"),
        ("shop: {window: {by: session}}", "shop.session"),
        ("shop: {json_line: '{time} {msg'}", "shop.json_line is '{time} {msg'"),
        ("shop: {json_line: plain}", "shop.json_line is 'plain'"),
        ("shop: {multiline: maybe}", "shop.multiline is 'maybe': it must be auto, false, {start: REGEX}"),
        ("shop: {multiline: {start: '('}}", "shop.multiline.start is '(': not a regular expression"),
        ("shop: {multiline: {start: a, continues: b}}", "it has both start and continues"),
        ("shop: {multiline: {start: a, wait_seconds: 0}}", "shop.multiline.wait_seconds is 0"),
        ("shop: {multiline: {begins: a}}", "shop.multiline.begins"),
        ("shop: {colour: red}", "shop.colour"),
        ("shop: {method: magic}", "s.yaml: shop.method is 'magic': Input should be 'fusionlog+online', 'fusionlog'"),
        ("[1]", "FUSIONLOG_SYSTEMS_FILE"),
        ("a: [", "FUSIONLOG_SYSTEMS_FILE"),
        ("", "must map system names to their settings"),
        ("no: {session: x}", "is False: the name of a system must be text, and YAML reads this one as bool: quote it"),
        ("404: {session: x}", "is 404: the name of a system must be text, and YAML reads this one as int"),
        ("fusionlog-canary: {session: x}", "is 'fusionlog-canary': this is the canary's system, which needs no entry"),
        ("web shop: {session: x}", "is 'web shop': the name of a system is part of its topic's name"),
        ("'..': {session: x}", "is '..': the name of a system is part of its topic's name"),
        ("shop: {session: x}\nshop: {session: y}", "the key 'shop' stands twice"),
        ("shop: {session: x, session: y}", "the key 'session' stands twice"),
        ("shop: {sesion: x}", "shop.sesion is 'x': there is no such key; did you mean session?"),
        (
            "shop: {window: {idle_second: 5}}",
            "idle_second is 5: there is no such key; did you mean idle_seconds?",
        ),
        ("shop: [x]", "shop is ['x']: it must be a mapping of settings"),
    ],
)
def test_a_wrong_systems_file_says_where(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(SettingError) as raised:
        settings.read_systems(write(tmp_path / "s.yaml", text))
    assert names in str(raised.value)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("encoding: gkb", "no text encoding 'gkb'"),
        ("encoding: hex", "no text encoding 'hex'"),
        ("timezone: Europe/Berlim", "'Europe/Berlim' is no time zone"),
        ("timezone: +10:00", "between quotes"),
        ("time_field: ''", "at least 1 character"),
        ("date_field: day", "time_field"),
        ("{time_field: none, date_field: day}", "time_field"),
    ],
)
def test_a_wrong_encoding_or_time_is_named_with_its_remedy(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(SettingError) as raised:
        settings.read_systems(write(tmp_path / "s.yaml", f"shop:\n  {line}\n"))
    assert "shop." in str(raised.value) and problem in str(raised.value)


def test_a_missing_systems_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"no\.yaml"):
        settings.read_systems(tmp_path / "no.yaml")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_systems_file_that_is_no_utf8_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes("shop: {description: Bestellungen für Bücher}".encode(encoding))
    with pytest.raises(SettingError, match=r"s\.yaml.*(is not UTF-8 text|is not YAML)"):
        settings.read_systems(path)


def test_a_byte_order_mark_before_a_systems_file_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(SYSTEMS.encode("utf-8-sig"))
    assert list(settings.read_systems(path)) == ["shop", "till"]


def test_a_misspelt_variable_is_refused_with_the_one_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_SCORE_PROVIDER", "cpu")
    with pytest.raises(SettingError, match="did you mean FUSIONLOG_SCORE__PROVIDER"):
        settings.load()


def test_the_method_is_the_systems_own_else_that_of_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", SYSTEMS + "  method: generallog\n")
    found = settings.load(systems_file=path, method="source-only")
    assert [found.method_of(name) for name in ("shop", "till", "nobody's")] == [
        "source-only", "generallog", "source-only",
    ]  # fmt: skip
    assert settings.load().method_of("shop") == "fusionlog+online"


@pytest.mark.parametrize(
    ("body", "setting", "sentence"),
    [
        ("{header_regex: '(\\w+) .*'}", "shop.header_regex", "needs a group"),
        ("{header_regex: '(?P<content>('}", "shop.header_regex", "not a regular expression"),
        ("{header_regex: '(\\w+\\s?)+: (?P<content>.*)'}", "shop.header_regex", "takes too long"),
        ("{session: '(?:\\w+\\s?)+:'}", "shop.session", "takes too long"),
        ("{masks: {name: '(a+)+b'}}", "shop.masks.name", "takes too long"),
        ("{format: klogg}", "shop.format", "klog"),
        ("{format: klog, header: '<Content>'}", "shop.format", "keep one of them"),
        ("{keys: every}", "shop.keys", "'first' or 'all'"),
        ("{window: {by: session}}", "shop.session", "a session key must be given"),
    ],
)
def test_a_header_or_key_that_cannot_work_is_one_sentence(
    tmp_path: Path, body: str, setting: str, sentence: str
) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text(f"shop: {body}")
    with pytest.raises(SettingError, match=sentence) as raised:
        settings.read_systems(file)
    assert raised.value.setting.endswith(setting)


def test_a_session_may_be_a_field(tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text("shop: {session_field: kubernetes.pod_name, window: {by: session}}")
    assert settings.read_systems(file)["shop"].session_field == "kubernetes.pod_name"


def test_a_budget_in_money_needs_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_LABEL__BUDGET_PER_DAY", "5")
    with pytest.raises(SettingError, match=r"__BUDGET_PER_DAY is '5'.*__PRICE_PER_MILLION_INPUT"):
        settings.load()
    monkeypatch.setenv("FUSIONLOG_LABEL__PRICE_PER_MILLION_OUTPUT", "0.6")
    assert settings.load().label.budget_per_day == 5.0


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "five"])
def test_a_budget_that_is_no_amount_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("FUSIONLOG_LABEL__PRICE_PER_MILLION_INPUT", "1")
    monkeypatch.setenv("FUSIONLOG_LABEL__BUDGET_PER_DAY", value)
    with pytest.raises(SettingError, match="FUSIONLOG_LABEL__BUDGET_PER_DAY"):
        settings.load()


@pytest.mark.parametrize(("session", "rebalance"), [(30, 60), (30, 3), (6, 3)])
def test_a_consumer_learns_of_a_rebalance_before_its_end(session: float, rebalance: float) -> None:
    kafka = settings.KafkaSettings(session_timeout=session, rebalance_timeout=rebalance)
    assert kafka.heartbeat_interval <= min(session, rebalance) / 3
