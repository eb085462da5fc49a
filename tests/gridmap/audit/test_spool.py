"""The spool: what was appended is there whatever becomes of the process, and is taken once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gridmap.audit.spool import Spool, read_lines

KILLED = """
import os, signal, sys
from pathlib import Path
from gridmap.audit.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(1000):
    spool.append(b'%d' % number)
    print(number, flush=True)
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def lines(spool: Spool) -> list[bytes]:
    return [line for path in spool.segments() for line in read_lines(path)]


def test_what_was_appended_is_taken_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.segments() == []
    spool.append(b"a")
    spool.append(b"b")
    (path,) = spool.segments()
    assert read_lines(path) == [b"a", b"b"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    spool.append(b"c")
    assert spool.segments() == [path], "as long as one waits the next is not begun"
    spool.taken(path)
    assert lines(spool) == [b"c"]
    for each in spool.segments():
        spool.taken(each)
    assert list(tmp_path.glob("spool/*")) == []


def test_nobody_takes_what_a_living_process_writes(tmp_path: Path) -> None:
    writing, other = Spool(tmp_path), Spool(tmp_path)
    writing.append(b"a")
    assert other.segments() == []
    writing.close()
    assert lines(other) == [b"a"]


def test_a_killed_process_leaves_all_that_it_appended(tmp_path: Path) -> None:
    told = []
    for last in (0, 3, 77):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(last)]
        told += subprocess.run(command, capture_output=True, check=False).stdout.split()
    assert len(told) == 1 + 4 + 78
    assert sorted(lines(Spool(tmp_path))) == sorted(told)


def test_a_line_that_was_cut_short_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "left.jsonl").write_bytes(b'{"a": 1}\n{"b": ')
    assert lines(Spool(tmp_path)) == [b'{"a": 1}']
    assert "cut short" in caplog.text


def test_a_disk_that_takes_no_more_keeps_nobody_from_answering(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    spool = Spool(tmp_path / "file" / "spool")
    spool.append(b"a")
    spool.append(b"b")
    assert spool.held() == [b"a", b"b"]
    assert spool.held() == []
    spool.hold([b"a"])
    assert spool.held() == [b"a"]
