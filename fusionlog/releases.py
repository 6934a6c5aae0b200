"""Model releases: their versions, digests and signatures, and the vectors they carry."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import re
import zlib
from datetime import UTC, datetime
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fusionlog.errors import ModelError, RecordError
from fusionlog.records import ModelRelease
from fusionlog.signing.signatures import Signatures
from fusionlog.types import FloatArray
from fusionlog.utils.decompression import GZIP_BITS, decompress

BASE = "*"
BASE_NAME = "base"
"""The base in a version."""
"""The system of a release that every system starts from."""
MODELS = "models"
"""The topic that the signatures of releases are of."""
GZIP = b"\x1f\x8b"
BYTES = ("onnx", "vectors", "profile")
"""The fields of a release that are byte strings."""
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f4', 'fortran_order': False, "
    rb"'shape': \((?P<rows>\d{1,9}), (?P<dim>\d{1,9})\), \} *\n",
    re.DOTALL,
)
"""The header that numpy writes for rows of float32."""
MAX_FILE_BYTES = 32 * 1024 * 1024
"""Of a release as JSON, unpacked; the model topic takes half of it."""


def new_version(now: float, system: str) -> str:
    """A version that sorts by time, for example `20260131T120000.250-shop`; `base` stands for `*`.

    :param now: Unix time in seconds.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    return f"{stamp}-{BASE_NAME if system == BASE else system}"


def digest(release: ModelRelease) -> str:
    """The SHA-256 of a release, hexadecimal: of all its fields but `v`, `sha256` and `signature`.

    Byte strings are hashed as they are, the rest as canonical JSON without the fields that have their default: a field
    that a later writer adds with a default, and does not use, does not change the digest.
    """
    fields = msgspec.json.encode(_fields(release), order="sorted")
    total = hashlib.sha256()
    for part in (fields, *(getattr(release, name) for name in BYTES)):
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def sealed(release: ModelRelease) -> ModelRelease:
    """The release with its digest; its signature stays."""
    return msgspec.structs.replace(release, sha256=digest(release))


def sign(release: ModelRelease, signatures: Signatures | None) -> ModelRelease:
    """The release with its digest and, where there is a key, the signature of its content.

    :raises SettingError: releases are verified, and there is no key that may sign them.
    """
    signature = signatures.sign("release", MODELS, _key(release), _content(release)) if signatures else None
    return msgspec.structs.replace(sealed(release), signature=signature)


def verify(release: ModelRelease, signatures: Signatures | None) -> None:
    """Check the digest of a release and, where there are public keys, the signature of its content.

    :raises ModelError: it was altered, is not signed, or is signed with a key that may not.
    """
    name = f"release {release.version} of system {release.system}"
    if not hmac.compare_digest(digest(release).encode(), release.sha256.encode()):
        raise ModelError(f"{name} does not match its sha256 {release.sha256!r}: distil or promote it again")
    if signatures is None or not signatures.verifies:
        return
    try:
        signatures.verify("release", MODELS, _key(release), _content(release), release.signature)
    except RecordError as error:
        raise ModelError(
            f"{name} is refused as {error}; publish it again with a key that signs releases (fusionlog models publish)"
        ) from error


def read_release(path: Path) -> ModelRelease:
    """A release from a file: the JSON of its record, as on the model topic, gzipped or plain. Its digest is checked.

    :raises ModelError: the file cannot be read, or does not hold a whole release.
    """
    try:
        data = path.read_bytes()
        content = decompress(data, MAX_FILE_BYTES, GZIP_BITS) if data[:2] == GZIP else data
        release = msgspec.json.decode(content, type=ModelRelease)
    except (OSError, ValueError, zlib.error, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelError(
            f"{path} is no release ({reason}): write one by  fusionlog models save VERSION FILE"
        ) from error
    verify(release, None)
    return release


def release_bytes(release: ModelRelease) -> bytes:
    """The content of a release's file, gzipped; equal releases have equal bytes."""
    return gzip.compress(msgspec.json.encode(release), mtime=0)


def pack_vectors(vectors: FloatArray) -> bytes:
    """Vectors `[n, dim]` as the bytes of an npy file of float32."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(vectors, dtype=np.float32), allow_pickle=False)
    return file.getvalue()


def unpack_vectors(data: bytes) -> FloatArray:
    """The vectors `[n, dim]` float32 of an npy file as `pack_vectors` writes it.

    :raises ModelError: the bytes are another file, or hold anything but finite rows.
    """
    header = _NPY.match(data)
    if header is None:
        raise ModelError("the vectors of a release are not an npy file of float32 rows; distil it again")
    shape, left = (int(header["rows"]), int(header["dim"])), len(data) - header.end()
    if prod(shape) * np.dtype(np.float32).itemsize != left:
        raise ModelError(f"the vectors of a release are {shape} float32, and {left} bytes follow; distil it again")
    vectors = np.frombuffer(data, np.float32, offset=header.end()).reshape(shape)
    if not np.isfinite(vectors).all():
        raise ModelError("the vectors of a release are not finite; distil it again")
    return vectors


def bank_vectors(release: ModelRelease) -> FloatArray:
    """The vectors of a release's bank, `[len(bank), dim]` float32.

    :raises ModelError: they cannot be read, or are not one row an event.
    """
    vectors = unpack_vectors(release.vectors)
    if len(vectors) != len(release.bank):
        raise ModelError(
            f"release {release.version} of system {release.system} has {len(vectors)} vectors for "
            f"{len(release.bank)} events: distil it again"
        )
    return vectors


def _key(release: ModelRelease) -> bytes:
    return f"{release.system}/{release.version}".encode()


def _content(release: ModelRelease) -> bytes:
    """What the signature of a release covers: the digest of what its maker wrote, without a later withdrawal.

    So a withdrawn release keeps its signature, and nobody's content but its maker's is restored.
    """
    return b"sha256:" + digest(msgspec.structs.replace(release, withdrawn=None, guarded=True)).encode()


def _fields(release: ModelRelease) -> dict[str, Any]:
    """The digest's fields beside the byte strings, with numbers as on the wire: 1 and 1.0 are one number."""
    plain = msgspec.structs.replace(release, **dict.fromkeys(BYTES, b""))
    found = _without_defaults(msgspec.convert(msgspec.to_builtins(plain), type(release)))
    return {name: value for name, value in found.items() if name not in ("v", "sha256", "signature", *BYTES)}


def _without_defaults(value: Any) -> Any:
    """A value as builtins; of a record the fields that differ from their default."""
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    if not isinstance(value, msgspec.Struct):
        return value
    return {
        name: _without_defaults(found)
        for name, default in _defaults(type(value))
        if (found := getattr(value, name)) != default
    }


@cache
def _defaults(record: type[msgspec.Struct]) -> list[tuple[str, Any]]:
    """The fields of a type with their defaults: a bank has thousands of records of one type."""
    return [(field.name, _default(field)) for field in msgspec.structs.fields(record)]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
