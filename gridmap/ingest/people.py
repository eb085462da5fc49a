"""Whether a column is about people, by its name and by the look of its values: such a file is not loaded at all.

Imports ``ingest.privacy`` and ``errors``. No value ever stands in a message.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.errors import LoadRefused
from gridmap.ingest.privacy import is_forbidden_column, mask, names_people

# So many values of a column are looked at in every batch.
_SAMPLE = 1_000
# A kind of person data stops the load when it is at least so many values of a column, and this share of them.
_FEWEST = 5

_ID = re.compile(r"(?<![0-9])([1-9][0-9]{5})[- ]?([0-9]{8})[- ]?([0-9]{3}[0-9Xx])(?![0-9A-Za-z])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_MOBILE = re.compile(r"(?<![0-9.])(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(?![0-9])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+", re.ASCII)
_CARD = re.compile(r"(?:62|4|5[1-5])[0-9]{14,17}")
_PLATE = re.compile(
    "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
    "[A-HJ-NP-Z][·• -]?[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]"
)
# The hundred most frequent surnames and the double ones; more than nine in ten people have one of them.
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟"
    "谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_NAME = re.compile(rf"(?:[{_SURNAMES}]|欧阳|上官|司马|诸葛|司徒|慕容)[\u4e00-\u9fff]{{1,2}}")
# What stands at the end of a name of a place or a shop and seldom at the end of a person's.
_NO_PERSON = re.compile(
    "[村庄路道街巷里园镇乡区店站桥河湖寺楼厂校院馆场所市社局号苑屯营口坊洼沽圈甸台堡铺沟港埠门处部司厅网城亭塔阁"
    "广寓栋弄条同排坝渠井池林山岭]$"
)


def is_identity_number(text: str) -> bool:
    """Whether the text holds a Chinese ID number: a birth date that can be, and the right check digit."""
    for found in _ID.finditer(text):
        digits = "".join(found.groups()).upper()
        total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, digits[:17], strict=True))
        if "10X98765432"[total % 11] == digits[17] and _is_birth_date(found[2]):
            return True
    return False


def _is_birth_date(text: str) -> bool:
    try:
        return 1900 <= date(int(text[:4]), int(text[4:6]), int(text[6:])).year <= 2100
    except ValueError:
        return False


def _is_bank_card(text: str) -> bool:
    """The shape of a card's number and Luhn's check digit."""
    if not _CARD.fullmatch(text):
        return False
    doubled = "0246813579"
    checked = [int(doubled[int(digit)] if place % 2 else digit) for place, digit in enumerate(reversed(text))]
    return sum(checked) % 10 == 0


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and _NO_PERSON.search(text) is None


@dataclass(frozen=True, slots=True)
class _Look:
    """What values of one kind look like, the share from which they stop a load, and how many must differ."""

    what: str
    looks: Callable[[str], object]
    share: float
    distinct: int = 1


# One in eleven random numbers has an ID's check digit and one in ten a card's: ids of a city's own stay below.
_LOOKS = (
    _Look("ID numbers", is_identity_number, 0.3),
    _Look("mobile numbers", _MOBILE.search, 0.3),
    _Look("e-mail addresses", _MAIL.search, 0.3),
    _Look("bank card numbers", _is_bank_card, 0.5),
    _Look("number plates", _PLATE.search, 0.3),
    _Look("names of people", _is_name, 0.7, distinct=20),
)


def check_people(file: str, table: pa.Table) -> None:
    """LoadRefused names the columns about people, by name or by look, with counts of what was looked at."""
    named = [name for name in table.column_names if is_forbidden_column(name) or names_people(name)]
    faults = [f"{mask(name)} (by its name)" for name in named]
    for name in table.column_names:
        texts = _sample(table[name])
        for look in _LOOKS:
            found = [text for text in texts if look.looks(text)]
            enough = len(found) >= max(_FEWEST, look.share * len(texts)) and len(set(found)) >= look.distinct
            if enough:
                faults.append(f"{mask(name)} ({len(found):,} of {len(texts):,} values look like {look.what})")
    if faults:
        raise LoadRefused(f"{file}: take out the columns about people: {', '.join(faults)}")


def _sample(column: pa.ChunkedArray) -> Sequence[str]:
    """Up to 1,000 values spread over the column, as plain text without blanks; fractions and times say nothing."""
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_primitive(kind)) or (
        pa.types.is_temporal(kind)
    ):
        return []
    places = np.unique(np.linspace(0, len(column) - 1, min(_SAMPLE, len(column))).astype(np.int64))
    taken = column.take(pa.array(places))
    if pa.types.is_floating(kind):
        values = taken.to_numpy()
        values = values[np.abs(values) < 2**63]  # neither NaN nor infinite
        whole = values[values % 1 == 0]
        return [str(int(value)) for value in whole]
    texts = pc.utf8_trim_whitespace(taken.cast(pa.string())).to_pylist()
    return [text if text.isascii() else unicodedata.normalize("NFKC", text) for text in texts if text]


@dataclass
class OwnNumbers:
    """Which columns of a file hold numbers of the city's own that merely have an ID number's shape.

    Real ID numbers all have the right check digit, others one time in eleven. Decided by the first rows.
    """

    _decided: dict[str, bool] = field(default_factory=dict)

    def holds(self, column: str, suspect: Sequence[str], rows: int) -> bool:
        """Whether the values of ``column`` that look personal, of so many rows, are the city's own numbers."""
        if column not in self._decided:
            looked = suspect[:_SAMPLE]
            shaped = [text for text in looked if _ID.fullmatch(text) and not _MOBILE.fullmatch(text)]
            valid = sum(map(is_identity_number, shaped))
            self._decided[column] = (
                len(shaped) >= 20
                and len(suspect) >= rows / 2
                and len(shaped) == len(looked)
                and valid < len(shaped) / 5
            )
        return self._decided[column]
