from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.errors import WriteError
from fusionlog.utils.files import replace_file, writing


def test_a_full_disk_is_one_sentence_with_the_way_out() -> None:
    full = Path("/dev/full")
    told = r"^/dev/full cannot be written \(No space left on device\): make room"
    with pytest.raises(WriteError, match=told), writing(full), full.open("wb", buffering=0) as file:
        file.write(b"rows")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(WriteError, match="No such file"):
        replace_file(tmp_path / "nowhere" / "rows.json", b"new")
