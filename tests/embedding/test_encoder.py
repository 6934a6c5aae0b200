from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.embedding import encoder
from fusionlog.embedding.encoder import Encoder, VectorCache, batches, find_encoder, load_encoder, plain
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.settings import Settings
from tests.cuda import NO_DEVICE, FakeCuda, fake_cuda
from tests.embedding.test_source import make_source
from tests.encoders import WORDS, WordEncoder, make_encoder
from tests.factories import make_event

__all__ = ["fake_cuda"]

WORKER_SIDE = (
    "fusionlog.embedding.encoder",
    "fusionlog.embedding.source",
    "fusionlog.embedding.export",
    "fusionlog.routing.router",
    "fusionlog.online.knowledge",
    "fusionlog.online.substitution",
    "fusionlog.releases",
    "fusionlog.detector.batch",
    "fusionlog.detector.onnx_session",
    "fusionlog.online.scorer",
)


def test_workers_import_neither_torch_nor_ray() -> None:
    heavy = {"torch", "ray", "transformers", "sentence_transformers", "faust"}
    code = f"import sys, {', '.join(WORKER_SIDE)}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Receiving block <KEY> src: <IP>", "Receiving block src:"),
        ("<*> took <NUM> ms", "took ms"),
        ("<NUM>: <*> -", ""),
        ("", ""),
        ("java.util.<init> <my-tag>", "java.util.<init> <my-tag>"),
        ("链接 <NUM> 断开", "链接 断开"),
    ],
)
def test_placeholders_leave(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text(alphabet="<>*AB9_ a-", max_size=30))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_an_encoder_gives_unit_vectors_in_the_order_of_the_texts(tmp_path: Path) -> None:
    encode = Encoder(make_encoder(tmp_path))
    texts = ["disk failed", "disk <NUM>", "connection opened connection closed", "disk"]
    vectors = encode(texts)
    assert (encode.name, encode.dim, vectors.dtype) == ("words", len(WORDS), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.allclose(vectors[1], np.eye(len(WORDS))[WORDS.index("disk")])
    assert np.array_equal(vectors[1], vectors[3])
    assert np.allclose(vectors[2, WORDS.index("connection")], 2 / np.sqrt(6))


def test_what_stands_beside_a_text_does_not_change_its_vector(tmp_path: Path) -> None:
    encode = Encoder(make_encoder(tmp_path))
    alone = encode(["disk failed"])[0]
    assert np.allclose(encode(["disk failed", "connection opened connection closed full"] * 40)[::2], alone, atol=1e-6)


def test_a_text_of_placeholders_is_the_zero_vector(tmp_path: Path) -> None:
    vectors = Encoder(make_encoder(tmp_path))(["<NUM> <*>", "disk", ""])
    assert not vectors[0].any()
    assert vectors[1].any()
    assert not vectors[2].any()


def test_no_texts_are_no_rows(tmp_path: Path) -> None:
    assert Encoder(make_encoder(tmp_path))([]).shape == (0, len(WORDS))


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    encode = Encoder(make_encoder(tmp_path, max_length=2))
    assert np.array_equal(encode(["disk failed full"]), encode(["disk failed"]))


def test_a_directory_that_does_not_load_names_the_setting(tmp_path: Path) -> None:
    (make_encoder(tmp_path) / "model.onnx").write_bytes(b"half")
    with pytest.raises(SettingError, match=r"FUSIONLOG_ENCODER is .*does not load"):
        Encoder(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(SettingError, match="does not hold"):
        Encoder(tmp_path)


def test_a_template_is_encoded_once() -> None:
    encode = WordEncoder()
    cache = VectorCache(encode)
    first = cache.vectors([make_event("disk failed"), make_event("disk full"), make_event("disk failed")])
    again = cache.vectors([make_event("disk full"), make_event("disk opened")])
    assert encode.encoded == ["disk failed", "disk full", "disk opened"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], again[0])


def test_vectors_that_came_with_a_release_are_not_encoded() -> None:
    encode = WordEncoder()
    cache = VectorCache(encode)
    cache.remember([make_event("disk full")], np.full((1, 6), 2, np.float32))
    assert (cache.vectors([make_event("disk full")]) == 2).all()
    assert encode.encoded == []


def test_a_full_cache_forgets_and_still_answers() -> None:
    encode = WordEncoder()
    cache = VectorCache(encode, entries=1)
    events = [make_event(f"disk {word}") for word in ("opened", "closed", "failed", "full")]
    assert np.array_equal(cache.vectors(events), WordEncoder()([event.text for event in events]))
    cache.vectors(events[:1])
    assert encode.encoded.count("disk opened") == 2


def test_no_events_have_no_vectors() -> None:
    assert VectorCache(WordEncoder()).vectors([]).shape == (0, 6)


def test_the_encoder_that_is_set_is_taken(tmp_path: Path) -> None:
    directory = make_encoder(tmp_path / "encoder")
    assert find_encoder(Settings(encoder=directory, cache_dir=tmp_path / "cache")) == directory
    with pytest.raises(SettingError, match=r"does not hold model\.onnx"):
        find_encoder(Settings(encoder=tmp_path / "nowhere"))


def cached(settings: Settings, name: str) -> Path:
    return make_encoder(settings.cache_dir / "encoders" / name)


def test_a_cached_encoder_of_the_same_content_is_taken(tmp_path: Path) -> None:
    source = make_source(tmp_path / "model")
    settings = Settings(encoder_model=str(source), cache_dir=tmp_path / "cache")
    made = cached(settings, f"model-v2-{encoder.fingerprint(source)}")
    assert find_encoder(settings) == made


def test_a_worker_without_the_model_takes_what_the_cache_has_of_its_name(tmp_path: Path) -> None:
    settings = Settings(encoder_model="someone/their-model", cache_dir=tmp_path)
    made = cached(settings, "someone-their-model-v2-bert-8-abc")
    cached(settings, "someone-else-v2-bert-8-abc")
    assert find_encoder(settings) == made


def test_a_half_made_cache_entry_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_source(tmp_path / "model")
    settings = Settings(encoder_model=str(source), cache_dir=tmp_path / "cache")
    (cached(settings, f"model-v2-{encoder.fingerprint(source)}") / "encoder.json").unlink()
    monkeypatch.setattr(encoder.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"fusionlog\[train\]"):
        find_encoder(settings)


def test_what_the_exporting_child_says_names_the_setting(tmp_path: Path) -> None:
    source = make_source(tmp_path / "model")
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"FUSIONLOG_CACHE_DIR is .*cannot be written there: .*irectory") as caught:
        find_encoder(Settings(encoder_model=str(source), cache_dir=tmp_path / "file"))
    assert caught.value.setting == "FUSIONLOG_CACHE_DIR"


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 9), st.integers(1, 90))
def test_a_batch_has_rows_of_similar_length_within_its_bounds(lengths: list[int], most: int, most_tokens: int) -> None:
    found = list(batches(dict(enumerate(lengths)), most, most_tokens))
    assert [lengths[row] for batch in found for row in batch] == sorted(lengths)
    for batch in found:
        assert len(batch) <= most
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= most_tokens


def test_the_encoder_takes_the_provider_of_the_settings_and_larger_batches_on_cuda(
    fake_cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, texts, sizes = make_encoder(tmp_path), [f"disk {n}" for n in range(100)], list[int]()
    run = encoder.Session.run

    def counted(self: encoder.Session, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        sizes.append(len(inputs["input_ids"]))
        return run(self, outputs, inputs)

    monkeypatch.setattr(encoder.Session, "run", counted)
    on_cuda = load_encoder(Settings(encoder=directory, score={"provider": "cuda"}))
    on_cpu = load_encoder(Settings(encoder=directory, score={"provider": "cpu"}))
    assert (on_cuda.provider, on_cpu.provider) == ("cuda", "cpu")
    assert np.array_equal(on_cuda(texts), on_cpu(texts))
    assert sizes == [100, 32, 32, 32, 4]


def test_an_encoder_whose_cuda_is_missing_names_the_setting(fake_cuda: FakeCuda, tmp_path: Path) -> None:
    fake_cuda.opening = NO_DEVICE
    with pytest.raises(SettingError, match=r"the encoder cannot run on CUDA .*no CUDA-capable device") as caught:
        load_encoder(Settings(encoder=make_encoder(tmp_path), score={"provider": "cuda"}))
    assert caught.value.setting == "FUSIONLOG_SCORE__PROVIDER"
