"""Values as people write them in a roster: codes, names, dates, times, hours; Chinese or English, any width.

Pure: imports ``ingest.privacy``, ``ingest.sheets``, ``wallclock``, ``model`` and ``errors``. Every function
raises InvalidInput with the name of the field, the value and the rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gridmap.errors import InvalidInput
from gridmap.ingest.privacy import looks_personal, mask
from gridmap.ingest.sheets import Value
from gridmap.model import WeeklyHours
from gridmap.wallclock import instant_of

LONGEST_CODE = 64
LONGEST_TEXT = 200

# What a weekly column says when nobody is on shift that day.
FREE = ("", "-", "/", "休", "休息", "off", "free")

_DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_NEXT_DAY = re.compile(r"([0-9]{1,2}:[0-9]{2})-(?:次日|翌日)([0-9]{1,2}:[0-9]{2})")
_WEEKDAYS = {"一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "日": "7", "天": "7"}
_SPREADSHEET_ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")


def as_text(value: Value) -> str:
    """The value as its cell shows it, without blanks around it or line breaks in it."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        # A spreadsheet keeps 120101001001 as a float.
        return str(int(value))
    if isinstance(value, date | time):
        return value.isoformat()
    return re.sub(r"[ \t\r\n\u3000]+", " ", str(value)).strip()


def check_text(field: str, text: str) -> None:
    """Refuse what no field may hold: control characters, formulas, numbers that look personal, long text."""
    plain = unicodedata.normalize("NFKC", text)
    if _CONTROL.search(plain):
        raise InvalidInput(field, mask(text), "must not hold control characters")
    if plain.startswith("=") or plain in _SPREADSHEET_ERRORS:
        raise InvalidInput(field, mask(text), "must be a value, not a formula or its error")
    if looks_personal(plain):
        raise InvalidInput(field, mask(text), "must not hold what looks like an ID or mobile number")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(field, text, f"must have at most {LONGEST_TEXT} characters")


def code(field: str, text: str) -> str | None:
    """A code, or None when it is empty; full-width letters and digits become plain ones."""
    plain = unicodedata.normalize("NFKC", text)
    if len(plain) > LONGEST_CODE:
        raise InvalidInput(field, text, f"must have at most {LONGEST_CODE} characters")
    return plain or None


def needed_code(field: str, text: str) -> str:
    """A code that must be there."""
    found = code(field, text)
    if found is None:
        raise InvalidInput(field, text, "must not be empty (merged cells are not filled in: repeat the value)")
    return found


def day(field: str, value: Value) -> date | None:
    """A date cell, or text such as 2026-11-22, 2026/11/22, 20261122 or 2026年11月22日; None when empty."""
    if isinstance(value, datetime):
        if value.time() != time():
            raise InvalidInput(field, value.isoformat(), "must be a date without a time")
        return value.date()
    if isinstance(value, date):
        return value
    text = unicodedata.normalize("NFKC", as_text(value))
    return _day(field, text) if text else None


def instant(field: str, value: Value, zone: ZoneInfo, *, closing: bool = False) -> datetime | None:
    """A time with its offset, in city time where none is written; None when empty.

    A date alone is its first moment, or with ``closing`` its last: leave until the 23rd includes the 23rd.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else instant_of(value, zone)
    text = unicodedata.normalize("NFKC", as_text(value))
    if not text:
        return None
    written_day, _, written_clock = text.replace("T", " ").partition(" ")
    midnight = datetime.combine(_day(field, written_day), time())
    if not written_clock:
        return instant_of(midnight + timedelta(days=closing), zone)
    clock = _CLOCK.fullmatch(written_clock.replace(" ", ""))
    if clock is None:
        raise InvalidInput(field, text, "must look like 2026-11-22 or 2026-11-22 08:00")
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if minute > 59 or second > 59 or hour * 3600 + minute * 60 + second > 86_400:
        raise InvalidInput(field, text, "times run from 00:00 to 24:00")
    wall = midnight + timedelta(hours=hour, minutes=minute, seconds=second)
    if clock[4]:
        return datetime.fromisoformat(f"{wall.isoformat()}{clock[4]}")
    return instant_of(wall, zone)


def hours(field: str, text: str) -> tuple[WeeklyHours, ...]:
    """Weekly rules such as ``1-5 08:00-20:00; 6 09:00-12:00`` or 周一至周五 08:00-20:00."""
    plain = _plain_hours(field, text)
    plain = re.sub(r"(?:周|星期|礼拜)([一二三四五六日天])", lambda found: _WEEKDAYS[found[1]], plain)
    plain = re.sub(r"每[天日]|daily", "1-7 ", plain)
    plain = re.sub(r"\s*([-,])\s*", r"\1", plain)
    return WeeklyHours.parse(";".join(part for part in plain.split(";") if part.strip()))


def week(columns: Mapping[int, str]) -> tuple[WeeklyHours, ...]:
    """Weekly rules from one text per ISO weekday: spans such as ``08:00-20:00``, several with ``;``, or 休.

    Days with the same span become one rule.
    """
    spans: dict[tuple[int, int], int] = {}
    for weekday, text in columns.items():
        if unicodedata.normalize("NFKC", text).casefold() in FREE:
            continue
        for part in _plain_hours("hours", text).split(";"):
            if part.strip():
                (rule,) = WeeklyHours.parse(f"{weekday} {part.replace(' ', '')}")
                span = (rule.starts, rule.minutes)
                spans[span] = spans.get(span, 0) | rule.weekdays
    return tuple(WeeklyHours(weekdays, *span) for span, weekdays in spans.items())


def _day(field: str, text: str) -> date:
    shape = _DAY.fullmatch(text)
    if shape is None:
        raise InvalidInput(field, text, "must be a date such as 2026-11-22")
    year, month, number = (int(group) for group in shape.groups() if group is not None)
    try:
        found = date(year, month, number)
    except ValueError as error:
        raise InvalidInput(field, text, "must be a day of the calendar") from error
    if not 1900 <= year < 2200:
        raise InvalidInput(field, text, "the year must lie in 1900 to 2199")
    return found


def _plain_hours(field: str, text: str) -> str:
    """Hours with plain digits, colons, commas and hyphens; 次日 may stand before an end on the next day."""
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"[~—–−至到]+", "-", plain).replace("、", ",").replace("。", ";")
    for begins, ends in _NEXT_DAY.findall(plain):
        if begins.zfill(5) < ends.zfill(5):
            raise InvalidInput(field, text, "a turn lasts a day at most")
    return _NEXT_DAY.sub(r"\1-\2", plain)
