"""Text comes out as UTF-8 whatever it is in, and what is no text is marked where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridmap.errors import InvalidInput, LoadRefused
from gridmap.ingest.encoding import UNDECODED, check_encoding, open_as_utf8, sniff, sniff_delimiter

ROWS = "编号,类别,地点\n" + "".join(f"{number},噪音扰民,和平路{number}号\n" for number in range(300))


@pytest.mark.parametrize(
    ("written_in", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_every_encoding_is_told_and_read(tmp_path: Path, written_in: str, told: str) -> None:
    path = tmp_path / "a.csv"
    text = ROWS if written_in != "gb18030" else ROWS.replace("噪音", "𠮷")  # four bytes in GB18030, none in GBK
    path.write_bytes(text.encode(written_in))
    assert sniff(path) == told
    with open_as_utf8(path, told) as file:
        assert file.read().decode() == text


def test_ascii_that_becomes_gb18030_after_many_blocks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridmap.ingest.encoding._BLOCK_BYTES", 64)
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,what\n" + b"1,lamp\n" * 5_000 + "2,路灯\n".encode("gb18030") + b"3,lamp\n" * 500)
    assert sniff(path) == "gb18030"
    with open_as_utf8(path, "gb18030") as file:
        assert file.read().decode().count("路灯") == 1


@pytest.mark.parametrize(("most", "few"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
def test_a_few_lines_of_another_encoding_sway_nobody(tmp_path: Path, most: str, few: str) -> None:
    lines = [f"{n},噪音扰民,和平路".encode(few if n % 50 == 7 else most) for n in range(1_000)]
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n".join(lines))
    assert sniff(path) == most
    with open_as_utf8(path, most) as file:
        text = file.read().decode().split("\n")
    assert len(text) == 1_000
    if most == "utf-8":  # GB18030 reads much of UTF-8 as other text: only UTF-8 notices every foreign line
        assert [n for n, line in enumerate(text) if UNDECODED in line] == list(range(7, 1_000, 50))


def test_what_is_no_known_text_is_refused_and_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("café,\nnaïf é,\n".encode("latin-1"))
    with pytest.raises(LoadRefused, match="name its encoding"):
        sniff(path)
    with open_as_utf8(path, check_encoding("Latin-1")) as file:
        assert file.read().decode().startswith("café")


def test_a_letter_on_the_border_of_two_blocks_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmap.ingest.encoding._BLOCK_BYTES", 7)
    for encoding in ("utf-8", "gb18030", "utf-16"):
        path = tmp_path / encoding
        path.write_bytes(ROWS.encode(encoding))
        with open_as_utf8(path, encoding) as file:
            assert file.read().decode() == ROWS


@pytest.mark.parametrize("name", ["", "utf-99", "base64", "rot13", "idna\0", None, 5])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="encoding"):
        check_encoding(name)


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a,b,c", ","), ("a;b;c", ";"), ("a\tb\tc", "\t"), ('"a,b,c,d";b;c', ";"), ("alone", ","), ("", ",")],
)
def test_the_delimiter_is_told_by_the_header(tmp_path: Path, header: str, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,2;3,4,5\n", encoding="utf-16")
    assert sniff_delimiter(path, "utf-16") == delimiter
