"""What encoding and delimiter a text file is in, and reading it as UTF-8 whatever it is. Imports ``errors`` only.

Strict decoders are asked in order, over all bytes of the file: text in GB18030 is next to never valid UTF-8, so
nothing is guessed from how often letters stand. A few lines in another encoding do not sway the rest: they come
out with :data:`UNDECODED` in them, and the reader rejects them one by one.
"""

from __future__ import annotations

import codecs
import io
from collections import Counter
from pathlib import Path
from typing import BinaryIO

from gridmap.errors import InvalidInput, LoadRefused

# Stands in the text where bytes could not be decoded.
UNDECODED = "\ufffd"
DELIMITERS = (",", ";", "\t", "|")

_BLOCK_BYTES = 4 * 2**20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)


def check_encoding(name: object) -> str:
    """The canonical name of a text encoding; GBK and GB2312 are read as GB18030, which holds both."""
    if not isinstance(name, str):
        raise InvalidInput("encoding", name, "must be a name such as utf-8 or gb18030")
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError) as error:
        raise InvalidInput("encoding", name, "must be a known text encoding such as utf-8 or gb18030") from error
    return {"gbk": "gb18030", "gb2312": "gb18030", "utf-8-sig": "utf-8"}.get(found.name, found.name)


def sniff(path: Path) -> str:
    """The encoding of a text file, by all of its bytes: ``utf-8``, ``gb18030`` or a kind of ``utf-16``.

    When no encoding fits every line, the one that fits most of those that are not ASCII; LoadRefused when that
    is under half of them, and they are more than a tenth of all lines.
    """
    with path.open("rb") as file:
        start = file.read(4096)
        for mark, name in _MARKS:
            if start.startswith(mark):
                return name
        if b"\0" in start and len(start) >= 2:
            odd, even = start[1::2].count(0), start[::2].count(0)
            if max(odd, even) > len(start) // 6:
                return "utf-16-le" if odd > even else "utf-16-be"
        file.seek(0)
        fits = _count_fitting(file)
    if 2 * fits["utf-8"] >= fits["lines"]:
        return "utf-8"
    if 2 * fits["gb18030"] >= fits["lines"]:
        return "gb18030"
    if 10 * fits["lines"] <= fits["all"]:
        return "utf-8" if fits["utf-8"] >= fits["gb18030"] else "gb18030"
    raise LoadRefused(f"{path.name} is neither UTF-8 nor GB18030: name its encoding in the description")


def _count_fitting(file: BinaryIO) -> Counter[str]:
    """How many lines there are in all, are not ASCII, and of these are UTF-8, and are only GB18030."""
    fits: Counter[str] = Counter()
    left = b""
    while block := file.read(_BLOCK_BYTES):
        block = left + block
        end = block.rfind(b"\n") + 1 or len(block)
        block, left = block[:end], block[end:]
        _count_block(block, fits)
    _count_block(left, fits)
    return fits


def _count_block(block: bytes, fits: Counter[str]) -> None:
    fits["all"] += block.count(b"\n")
    if block.isascii():
        return
    if _decodes(block, "utf-8"):
        fits.update(dict.fromkeys(("lines", "utf-8"), block.count(b"\n") + 1))
        return
    for line in block.split(b"\n"):
        if not line.isascii():
            fits["lines"] += 1
            if _decodes(line, "utf-8"):
                fits["utf-8"] += 1
            elif _decodes(line, "gb18030"):
                fits["gb18030"] += 1


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def open_as_utf8(path: Path, encoding: str) -> BinaryIO:
    """The file's text as UTF-8 bytes without a byte order mark, decoded on the way, in bounded memory.

    Where bytes are no text in ``encoding``, :data:`UNDECODED` stands instead.
    """
    return io.BufferedReader(_Decoding(path, encoding), _BLOCK_BYTES)


class _Decoding(io.RawIOBase):
    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._ready = memoryview(b"")
        self._begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            block = self._file.read(_BLOCK_BYTES)
            text = self._decoder.decode(block, final=not block)
            if not self._begun and text:
                text, self._begun = text.removeprefix("\ufeff"), True
            self._ready = memoryview(text.encode("utf-8", errors="replace"))
            if not block:
                break
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def sniff_delimiter(path: Path, encoding: str) -> str:
    """The one of comma, semicolon, tab and bar that stands most often in the first line, outside quotes."""
    with open_as_utf8(path, encoding) as file:
        header = file.readline(2**16).decode("utf-8", errors="replace")
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)
