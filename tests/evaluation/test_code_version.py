from pathlib import Path

from fusionlog.evaluation.code_version import PACKAGE, fingerprint, fingerprint_of


def test_what_changes_a_file_its_place_or_a_library_changes_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("no code\n")
    found = [fingerprint_of(tmp_path, {"torch": "1"}), fingerprint_of(tmp_path, {"torch": "2"})]
    (tmp_path / "a.py").write_text("x = 2\n")
    found.append(fingerprint_of(tmp_path, {"torch": "1"}))
    (tmp_path / "a.py").rename(tmp_path / "sub" / "a.py")
    found.append(fingerprint_of(tmp_path, {"torch": "1"}))
    assert len(set(found)) == 4
    (tmp_path / "notes.txt").write_text("still none\n")
    assert fingerprint_of(tmp_path, {"torch": "1"}) == found[-1]


def test_it_is_of_the_package_that_runs() -> None:
    assert (PACKAGE / "rules.py").is_file() and fingerprint() == fingerprint()
