"""What is sent is what was made, whatever its encoding."""

from __future__ import annotations

import gzip

import brotli
import pytest

from gridmap.errors import Unavailable
from tiles.encode import EMPTY, Encoding, chosen, encoded, from_file, to_file, unpacked, zip_tile

CONTENT = bytes(range(256)) * 40


def test_every_encoding_holds_the_content() -> None:
    tile = encoded(CONTENT, "gzip").adding("br")
    assert tile == encoded(CONTENT, "br").adding("gzip")
    assert tile.body("identity") == gzip.decompress(tile.body("gzip")) == brotli.decompress(tile.body("br"))
    assert tile.body("identity") == CONTENT


def test_the_tag_is_the_contents() -> None:
    assert encoded(CONTENT, "br").tag == encoded(bytes(CONTENT), "gzip").tag != encoded(CONTENT + b"x", "br").tag
    assert unpacked(zip_tile(CONTENT)) == encoded(CONTENT, "gzip")
    assert zip_tile(CONTENT) == zip_tile(bytes(CONTENT)), "no time is in it"


def test_nothing_is_an_empty_tile() -> None:
    assert encoded(b"", "br") is unpacked(b"") is EMPTY
    assert EMPTY.empty
    assert EMPTY.adding("br") is EMPTY
    assert EMPTY.body("identity") == EMPTY.body("br") == b""


def test_only_what_is_asked_for_is_made() -> None:
    tile = encoded(CONTENT, "br")
    assert (tile.has("br"), tile.has("gzip"), tile.has("identity"), tile.gzip) == (True, False, True, b"")
    assert tile.adding("br") is tile.adding("identity") is tile
    assert encoded(CONTENT, "identity") == encoded(CONTENT, "gzip")


@pytest.mark.parametrize("encoding", ["br", "gzip"])
@pytest.mark.parametrize("content", [CONTENT, b"", b"x"])
def test_a_file_gives_back_the_tile(content: bytes, encoding: Encoding) -> None:
    tile = encoded(content, encoding)
    assert from_file(to_file(tile)) == tile
    both = tile.adding("br").adding("gzip")
    assert from_file(to_file(both)) == both


@pytest.mark.parametrize("at", [0, 5, 15, 30, 60, -1])
def test_a_damaged_file_is_noticed(at: int) -> None:
    file = bytearray(to_file(encoded(CONTENT, "gzip").adding("br")))
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
