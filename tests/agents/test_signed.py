"""A label worker and an operator with keys of their own, on Apache Kafka, and a forger without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.kafka.table import read_all
from fusionlog.records import Route, Window
from fusionlog.settings import Settings
from fusionlog.signing.envelope import key_of, signature_in
from tests.agents.stage import Stage, until
from tests.agents.test_label import asked, labels, settled, shop_units
from tests.brokers import ApacheKafka
from tests.factories import make_label, make_window
from tests.signing.factories import write_keys
from tests.teachers.fake_endpoint import fake_endpoint

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.long]


async def signers(stage: Stage, window: Window) -> list[str | None]:
    """The ids of the keys that signed the labels of a window's shape, oldest first."""
    found = [each for each in await stage.records(stage.settings.topics.labels) if window.shape.encode() in each.key]
    return [key_of(signature_in(each.headers)) for each in found]


async def test_workers_and_operators_sign_and_a_forged_label_labels_nothing(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path)
    extra = {
        "FUSIONLOG_SIGNING__PUBLIC_KEYS": str(keys["reader"].public_keys),
        "FUSIONLOG_SIGNING__KEY_FILE": str(keys["operator"].key_file),
    }
    stage = Stage(tmp_path / "stage", apache_kafka.settings, extra=extra)
    own = {each: Settings(signing=keys[each]).signatures.key for each in ("label", "operator")}
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8)
    first, again = (
        make_window("user refused", session=name, first_offset=n, route=route) for n, name in enumerate("ab")
    )
    try:
        await stage.setup()
        # What a forger has: Kafka's password. His label makes an event known before anybody has asked about it.
        unsigned = Settings(**{**stage.settings.model_dump(), "signing": {}})
        forger = Stage.__new__(Stage)
        forger.settings = unsigned
        await forger.publish(stage.settings.topics.labels, make_label(first, 0.0, labelled_at=9e8))
        with fake_endpoint() as endpoint:
            worker = await stage.worker(
                "label", FUSIONLOG_LABEL__URL=endpoint.url, FUSIONLOG_SIGNING__KEY_FILE=str(keys["label"].key_file)
            )
            await worker.logged("started")
            assert worker.metrics()["fusionlog_table_records_refused"] == 1
            await stage.publish(stage.settings.topics.proprietary, first)
            await until(lambda: shop_units(endpoint) == 1, 30, worker.log.read_text)
            await until(lambda: settled(stage), 30, worker.log.read_text)
            assert await signers(stage, first) == [None, own["label"]]
            assert "1 labels are revoked" in await labels(stage, "revoke", "user refused", "--by", "ann")
            await until(lambda: asked(endpoint, stage, again), 30, worker.log.read_text)
            await until(lambda: settled(stage), 30, worker.log.read_text)
            assert (await signers(stage, first))[1:] == [own["label"], own["operator"], own["label"]]
            assert worker.metrics()["fusionlog_table_records_refused"] == 1, "no worker takes another's for a replay"
            assert await worker.stop() == 0
            log = worker.log.read_text()
            assert "records are not signed" not in log and log.count("record left out") == 1
        assert len(await read_all(stage.settings, stage.settings.topics.labels)) >= 1
        assert len(await stage.records(stage.settings.topics.deadletter)) == 1
        refused = await stage.worker("label", FUSIONLOG_SIGNING__KEY_FILE=str(keys["trainer"].key_file))
        assert await refused.ended() == 2
        assert "it signs release and no label: give the private key of label" in refused.log.read_text()
    finally:
        await stage.close()
