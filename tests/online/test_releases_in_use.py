from __future__ import annotations

import time

import pytest

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.online.releases_in_use import KEPT_RELEASES, ReleasesInUse, verified_bank
from fusionlog.records import Lineage, Route
from fusionlog.routing.bank import Bank
from tests.encoders import WordEncoder
from tests.factories import make_window
from tests.online.factories import WORDS, release
from tests.signing.factories import make_signatures


def kept(*created: float, adapts: bool = True, system: str = "shop") -> ReleasesInUse:
    found = ReleasesInUse("shop", Bank.of, adapts)
    for each in created:
        found.adopt(release(system, created=each))
    return found


def test_without_a_release_there_is_no_version() -> None:
    found = kept()
    assert (found.version, found.current, found.versions, found.own) == (None, None, [], False)
    with pytest.raises(ModelError, match="system shop has no model release yet"):
        found.in_use()


def test_adopting_says_whether_the_release_in_use_changed() -> None:
    found = kept(2.0)
    assert found.adopt(release(created=1.0)) is None and len(found.versions) == 2
    newest = found.adopt(release(created=3.0))
    assert newest is found.current and found.version == release(created=3.0).version
    assert found.adopt(release(created=3.0)) is None, "it is kept already"


def test_the_last_releases_are_kept() -> None:
    found = kept(*range(1, KEPT_RELEASES + 2))
    assert len(found.versions) == KEPT_RELEASES
    with pytest.raises(ModelError, match="is not kept"):
        found.of(release(created=1.0).version)
    assert found.adopt(release(created=0.5)) is None and len(found.versions) == KEPT_RELEASES


def test_a_system_that_does_not_learn_has_the_base_alone() -> None:
    found = kept(1.0, adapts=False)
    assert found.version is None
    assert found.adopt(release("*")) is not None and not found.own
    assert kept(1.0).own


def test_a_window_is_scored_under_the_release_that_routed_it() -> None:
    found, older = kept(1.0, 2.0), release(created=1.0).version
    route = Route(kind="general", similarity=1.0, threshold=0.8, model=older)
    assert found.version_of(make_window(route=route)) == older
    assert found.version_of(make_window()) == found.version


def test_the_bundled_base_is_for_no_system_of_its_sources_names() -> None:
    found, sources = kept(), ["barn", "shop"]
    with pytest.raises(ModelError, match=r"labels of shop, .*\(fusionlog meta-train --source .*another one"):
        found.adopt(release("*", lineage=Lineage(sources=sources, bundled=True)))
    assert found.version is None
    assert found.adopt(release("*", lineage=Lineage(sources=["barn"], bundled=True))) is not None
    assert found.adopt(release("*", created=9e3, lineage=Lineage(sources=sources))) is not None, "an operator's own"


def test_a_release_that_may_not_be_used_changes_nothing() -> None:
    encode, reader = WordEncoder(*WORDS), make_signatures("trainer")["reader"]
    found = ReleasesInUse("shop", lambda each: verified_bank(each, reader, encode), adapts=True)
    with pytest.raises(ModelError, match="unsigned"):
        found.adopt(release())
    assert found.versions == []


def test_a_release_of_another_encoder_has_no_bank() -> None:
    with pytest.raises(ModelError, match="was made with encoder another"):
        verified_bank(release(encoder="another"), None, WordEncoder(*WORDS))
    with pytest.raises(ModelError, match="vectors of 1 numbers"):
        thin = release(vectors=releases.pack_vectors(WordEncoder(*WORDS)(["a", "b"])[:, :1]))
        verified_bank(thin, None, WordEncoder(*WORDS))
    assert len(verified_bank(release(), None, WordEncoder(*WORDS))) == 2


def test_a_release_from_the_future_is_refused_and_outranks_nothing() -> None:
    found = kept()
    with pytest.raises(ModelError, match=r"hours ahead: set the training job's clock right"):
        found.adopt(release("shop", created=time.time() + 3 * 24 * 3600))
    assert found.version is None
    assert found.adopt(release("shop", created=time.time() + 3600)) is not None, "clocks differ by hours at most"
