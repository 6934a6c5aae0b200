"""A method context and folds of a few sessions, for methods that do not adapt."""

from pathlib import Path

from fusionlog.data.systems import Session, read_catalog
from fusionlog.embedding.encoder import VectorCache
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, make_fold
from fusionlog.settings import DistillSettings, IngestSettings, Settings
from tests.distillation.factories import make_source
from tests.encoders import WordEncoder
from tests.methods.test_teacher_queries import Teacher

SETTINGS = DistillSettings(steps=60, hidden=16, tau=0.9)
ENCODE = WordEncoder("job", "started", "lost", "retry", "scheduled", "disk", "failed", "connection")


def make_context() -> MethodContext:
    """Two sources, a quickly trained base, and a teacher that marks failures."""
    sources = [make_source("mill", 20), make_source("press", 20)]
    settings = Settings(distill=SETTINGS)
    return MethodContext(settings, sources, ENCODE, VectorCache(ENCODE), LocalTrainer(SETTINGS), Teacher())


def fold_of(data: Path, *texts: str) -> Fold:
    """Two sessions to adapt on, and one of each text to test on."""

    def session(number: int, text: str) -> Session:
        return Session(f"s{number}", [f"2024-01-01 00:00:0{number} INFO s{number} {text}"])

    adapt = [session(number, "job started") for number in range(2)]
    test = [session(number, text) for number, text in enumerate(texts, 2)]
    return make_fold("shop", "forward", read_catalog(data)["shop"], (adapt, test), IngestSettings())
