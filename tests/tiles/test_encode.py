"""What is sent is what was made, whatever its encoding."""

from __future__ import annotations

import gzip

import brotli
import pytest

from gridmap.errors import Unavailable
from tiles.encode import EMPTY, chosen, encoded, from_file, to_file, zip_tile

CONTENT = bytes(range(256)) * 40


def test_every_encoding_holds_the_content() -> None:
    tile = encoded(CONTENT)
    assert (
        tile.body("identity")
        == gzip.decompress(tile.body("gzip"))
        == brotli.decompress(tile.body("br"))
        == CONTENT
    )


def test_the_tag_is_the_contents() -> None:
    assert encoded(CONTENT).tag == encoded(bytes(CONTENT)).tag != encoded(CONTENT + b"x").tag
    assert zip_tile(CONTENT) == zip_tile(bytes(CONTENT)), "no time is in it"


def test_nothing_is_an_empty_tile() -> None:
    assert encoded(b"") is EMPTY
    assert EMPTY.empty
    assert EMPTY.body("identity") == EMPTY.body("br") == b""


@pytest.mark.parametrize("content", [CONTENT, b"", b"x"])
def test_a_file_gives_back_the_tile(content: bytes) -> None:
    assert from_file(to_file(encoded(content))) == encoded(content)


@pytest.mark.parametrize("at", [0, 5, 15, 30, 60, -1])
def test_a_damaged_file_is_noticed(at: int) -> None:
    file = bytearray(to_file(encoded(CONTENT)))
    file[at] ^= 1
    with pytest.raises(Unavailable, match="damaged"):
        from_file(bytes(file))
    with pytest.raises(Unavailable):
        from_file(bytes(file[: at if at > 0 else 3]))


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.001", "br"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("br;q=0, *", "gzip"),
        ("identity", "identity"),
        ("gzip;q=nonsense", "identity"),
        ("brotli", "identity"),
    ],
)
def test_what_the_client_takes_is_sent(accepted: str, encoding: str) -> None:
    assert chosen(accepted) == encoding
