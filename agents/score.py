"""The score worker: general windows to anomalies. `fusionlog worker score`, or `faust -A agents.score worker`."""

from __future__ import annotations

from faust.types import StreamT

from agents.app import FusionLogApp, consume, of_environment
from fusionlog.detector.scorer import Scorer
from fusionlog.settings import Settings
from fusionlog.streaming.following import Following
from fusionlog.streaming.lag import LagWatch
from fusionlog.streaming.outlet import Message
from fusionlog.streaming.producer import Producer
from fusionlog.streaming.scoring import Scoring

ROLE = "score"


class ScoreWork:
    """Producer, knowledge and the small models."""

    def __init__(self, config: Settings) -> None:
        self._settings = config
        self._producer = Producer(config)
        self._following: Following | None = None
        self._scoring: Scoring | None = None
        self._lag = LagWatch(config, f"{config.topic_prefix}{ROLE}", config.topics.general)

    async def prepare(self) -> None:
        """Connect, load the encoder, follow models and labels."""
        scorer = Scorer(self._settings.score)
        await self._producer.start()
        self._following = await Following.with_encoder(self._settings, scorer.check)
        await self._following.start()
        self._scoring = Scoring(self._settings, self._producer, self._following, scorer)
        self._lag.start()

    async def handle(self, messages: list[Message]) -> None:
        """Give a batch of windows its verdicts."""
        assert self._scoring is not None
        await self._scoring.handle(messages)

    async def finish(self) -> None:
        """Disconnect."""
        await self._lag.stop()
        if self._following is not None:
            await self._following.stop()
        await self._producer.stop()


def build(config: Settings) -> FusionLogApp:
    """The app; nothing is connected before it starts."""
    work = ScoreWork(config)
    app = FusionLogApp(ROLE, config, work)
    windows = app.topic(config.topics.general.name, key_type=bytes, value_type=bytes)

    @app.agent(windows, name="score")
    async def score(stream: StreamT[bytes]) -> None:
        await consume(app, stream, config.score.batch_windows, config.score.batch_seconds, work.handle)

    return app


__getattr__ = of_environment(build)
