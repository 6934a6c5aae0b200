"""What the jobs take from Kafka's topics: the right parent, each window once, a system's own labels in order."""

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.data.bundled import DATASETS
from fusionlog.errors import ModelError, SettingError
from fusionlog.kafka import codecs
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from ray_jobs import distill, meta_train, publish
from tests.factories import make_label, make_release, make_window, make_withdrawn
from tests.signing.factories import make_signatures


@pytest.fixture
def topics(monkeypatch):
    """The records of each topic by the topic's name."""
    found = {}

    async def read_all(settings, topic, limit=None):
        return [(codecs.key_of(record), record) for record in found.get(topic.name, [])]

    monkeypatch.setattr(publish, "read_all", read_all)
    return found


def signed(system, created, key=None):
    return releases.sign(make_release(system=system, created=created), key)


async def test_the_parent_is_the_systems_newest_then_the_newest_base(topics):
    settings = Settings()
    name = settings.topics.models.name
    base, newer_base = signed(BASE, 1.0), signed(BASE, 9.0)
    topics[name] = [newer_base, base]
    assert await publish.read_parent(settings, "shop") == newer_base
    own, newer = signed("shop", 2.0), signed("shop", 3.0)
    topics[name] += [newer, own, signed("mill", 20.0)]
    assert await publish.read_parent(settings, "shop") == newer


async def test_a_release_that_does_not_verify_is_nobodys_parent(topics):
    settings = Settings()
    settings.__dict__["signatures"] = make_signatures("trainer")["trainer"]
    altered = replace(signed("shop", 2.0, settings.signatures), threshold=0.1)
    topics[settings.topics.models.name] = [altered, signed("shop", 3.0)]
    with pytest.raises(ModelError, match="no release of shop and no base that verifies"):
        await publish.read_parent(settings, "shop")
    topics[settings.topics.models.name].append(base := signed(BASE, 1.0, settings.signatures))
    assert await publish.read_parent(settings, "shop") == base


async def test_a_withdrawn_release_is_nobodys_parent_and_is_found_while_it_is_the_newest(topics):
    settings = Settings()
    base, own, bad = signed(BASE, 1.0), signed("shop", 2.0), make_withdrawn(signed("shop", 3.0))
    topics[settings.topics.models.name] = found = [base, own]
    assert await publish.last_withdrawn(settings, "shop") is None
    found.append(bad)
    assert await publish.read_parent(settings, "shop") == own
    assert await publish.last_withdrawn(settings, "shop") == bad
    assert await publish.last_withdrawn(settings, "mill") is None
    found.append(signed("shop", 4.0))
    assert await publish.last_withdrawn(settings, "shop") is None


async def test_a_job_without_the_key_of_its_releases_ends_before_it_computes(topics):
    settings = Settings()
    settings.__dict__["signatures"] = make_signatures("trainer")["reader"]
    with pytest.raises(SettingError, match="a release must be signed: give the private key of trainer"):
        await distill.job(settings, "shop", None, [])
    with pytest.raises(SettingError, match="a release must be signed: give the private key of trainer"):
        await meta_train.train(settings, DATASETS, [])


async def test_a_window_that_was_emitted_twice_is_read_once_and_the_older_first(topics):
    settings = Settings()
    first, last = make_window("disk full", ended=10.0), make_window("disk full", first_offset=9, ended=20.0)
    other = make_window("disk full", system="mill", first_offset=40)
    topics[settings.topics.general.name] = [last, other, first]
    topics[settings.topics.proprietary.name] = [first]
    assert await publish.read_windows(settings, "shop") == [first, last]


async def test_labels_are_those_of_the_system_in_the_order_they_were_given(topics):
    settings = Settings()
    window = make_window("disk full")
    late, early = make_label(window, labelled_at=20.0), make_label(window, labelled_at=10.0)
    topics[settings.topics.labels.name] = [late, make_label(make_window(system="mill")), early]
    assert await publish.read_labels(settings, "shop") == [early, late]
