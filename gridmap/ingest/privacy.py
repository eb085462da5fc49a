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
# The same shapes for texts in ASCII, for engines that cannot look around: whether there is one, not where.
ASCII_SHAPES = (
    "(?:^|[^0-9])(?:[0-9]{6}[- ]?[0-9]{8}[- ]?[0-9]{3}[0-9Xx](?:$|[^0-9A-Za-z])|"
    r"(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(?:$|[^0-9]))"
)

# What DESIGN's Privacy names, in the words of files: identity, contact, origin, belief, party, petitions, crime,
# credit, health, biometrics, movement, scores.
_FORBIDDEN_COLUMN = re.compile(
    "身份证|证件|护照|手机|电话|联系方式|微信|邮箱|住址|出生|生日|性别|年龄|婚姻|"
    "民族|籍贯|宗教|信仰|政治面貌|党员|党派|入党|信访|上访|前科|犯罪|吸毒|矫正|刑满|征信|信用分|失信|"
    "病史|病历|疾病|病种|诊断|健康|残疾|人脸|指纹|虹膜|声纹|生物特征|轨迹|行踪|评分|风险等级|风险分|"
    "银行卡|车牌|"
    "id_?card|national_?id|passport|(?:^|_)ssn(?:_|$)|mobile|phone|e_?mail|wechat|birth|(?:^|_)dob(?:_|$)|"
    "(?:^|_)(?:sex|gender|age|race)(?:_|$)|marital|ethnic|nationality|religio|(?:^|_)party|"
    "political|petition|criminal_record|convict|offender|credit_?(?:score|record|rating|history)|"
    "health|medical|patient|disease|diagnos|disabilit|biometric|fingerprint|face_?(?:id|image|feature|photo)|"
    "trajector|movement_?track|risk_?(?:score|grade|level)|social_?(?:score|credit)|"
    "bank_?(?:card|account)|licen[cs]e_?plate|plate_?(?:no|number)"
)


# Names stand in a roster, as the city posts them on the wall, and nowhere else.
_NAME_COLUMN = re.compile(
    "姓名|曾用名|户主|联系人|报案人|举报人|投诉人|当事人|"
    "(?:^|_)(?:full|first|last|given|family|maiden|sur|resident|patient|person|owner|caller|victim)_?names?(?:_|$)"
)


def is_forbidden_column(header: str) -> bool:
    """Whether a column by this header holds what GridMap does not keep about anybody."""
    return _FORBIDDEN_COLUMN.search(_plain(header)) is not None


def names_people(header: str) -> bool:
    """Whether a column by this header holds the names of people."""
    return _NAME_COLUMN.search(_plain(header)) is not None


def _plain(header: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.-]+", "_", unicodedata.normalize("NFKC", header)).casefold()


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
