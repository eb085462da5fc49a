"""What no load may carry: columns and values about people that GridMap does not keep.

Pure: imports nothing of ours. Used by every reader in ``ingest``, before a row is looked at for anything else.
"""

from __future__ import annotations

import re
import unicodedata

# A Chinese ID number has 17 digits and a digit or X, a Chinese mobile number 11 digits from 13 to 19, both also
# with blanks or hyphens between the groups. A cell code has 15 digits and is neither.
_ID_CARD = re.compile(r"(?<![0-9])[0-9]{6}[- ]?[0-9]{8}[- ]?[0-9]{3}[0-9Xx](?![0-9A-Za-z])")
_MOBILE = re.compile(r"(?<![0-9])(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(?![0-9])")

_FORBIDDEN_COLUMN = re.compile(
    "身份证|证件|手机|电话|联系方式|住址|出生|民族|宗教|政治面貌|党员|病史|健康|"
    "id_?card|national_?id|passport|mobile|phone|birth|ethnic|religion|party|health"
)


def is_forbidden_column(header: str) -> bool:
    """Whether a column by this header holds what GridMap does not keep about people."""
    return _FORBIDDEN_COLUMN.search(unicodedata.normalize("NFKC", header).casefold()) is not None


def looks_personal(text: str) -> bool:
    """Whether the text contains something shaped like an ID or mobile number, in full-width digits too."""
    plain = unicodedata.normalize("NFKC", text)
    return _ID_CARD.search(plain) is not None or _MOBILE.search(plain) is not None


def mask(text: str) -> str:
    """The text with everything shaped like an ID or mobile number replaced by asterisks."""
    if not looks_personal(text):
        return text
    for shape in (_ID_CARD, _MOBILE):
        text = shape.sub(lambda found: "*" * len(found[0]), unicodedata.normalize("NFKC", text))
    return text
