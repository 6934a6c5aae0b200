"""The parent of a release among those on the topic."""

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.errors import ModelError, SettingError
from fusionlog.kafka import codecs
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from ray_jobs import distill, meta_train, publish
from ray_jobs.sources import Places
from tests.factories import make_release, make_withdrawn
from tests.signing.factories import make_signatures


@pytest.fixture
def topics(monkeypatch):
    """The records of each topic by the topic's name."""
    found = {}

    async def read_each(settings, topic, wanted, limit=None):
        for record in found.get(topic.name, []):
            if wanted(codecs.key_of(record)):
                yield codecs.key_of(record), record

    monkeypatch.setattr(publish, "read_each", read_each)
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
    assert publish.newest_withdrawn(found, "shop") is None
    found.append(bad)
    assert await publish.read_parent(settings, "shop") == own
    assert publish.newest_withdrawn(found, "shop") == bad
    assert publish.newest_withdrawn(found, "mill") is None
    found.append(signed("shop", 4.0))
    assert publish.newest_withdrawn(found, "shop") is None


async def test_a_job_without_the_key_of_its_releases_ends_before_it_computes(topics):
    settings = Settings()
    settings.__dict__["signatures"] = make_signatures("trainer")["reader"]
    with pytest.raises(SettingError, match="a release must be signed: give the private key of trainer"):
        await distill.job(settings, ["shop"], Places())
    with pytest.raises(SettingError, match="a release must be signed: give the private key of trainer"):
        await meta_train.train(settings, Places())
