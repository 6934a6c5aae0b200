from __future__ import annotations

from benchmarks.inherit import run
from fusionlog import releases
from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.settings import AlphaSettings, Settings, SystemSettings
from tests.encoders import WordEncoder
from tests.factories import make_release
from tests.methods.test_teacher_queries import Teacher
from tests.workers.test_label import disks


async def test_both_labellers_are_given_the_same_and_what_inherited_is_asked_about_after_all() -> None:
    encode, windows = WordEncoder(), disks(3, 4, 5, 6, 7, bad=True)
    fold = Fold("shop", "forward", SystemSettings(), ([], []), windows, [])
    settings = Settings(alpha=AlphaSettings(central=1, uncertain=1))
    context = MethodContext(settings, [], encode, VectorCache(encode), None, Teacher())  # type: ignore[arg-type]
    vectors = releases.pack_vectors(encode(["connection opened"]))
    base = make_release(("connection opened", 0.0), system=releases.BASE, vectors=vectors)
    direct, alpha = [await run(labeller, fold, context, base) for labeller in ("direct", "alpha")]
    assert direct == {"windows": 5, "units": 5, "calls": 1, "inherited": 0, "returned": 0, "agreeing": 0}
    assert alpha == {"windows": 5, "units": 2, "calls": 1, "inherited": 3, "returned": 0, "agreeing": 3}
