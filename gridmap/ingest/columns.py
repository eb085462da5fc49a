"""Columns of a table as numbers, times and flags, a whole column at a time. Imports ``ingest.privacy``."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridmap.crs import Floats
from gridmap.ingest.privacy import ASCII_SHAPES, looks_personal

Flags = NDArray[np.bool_]

_OFFSET = r"(?i)[0-9:.]\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})$"
_NUMBER = r"^[+-]?[0-9]{1,15}(?:\.[0-9]{0,30})?$"
# Other text than ASCII must hold eight digits, of whatever script, to hold an ID or mobile number.
_SUSPECT = r"(?:\pN[^\pN]*){8}"


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def flags_of(found: pa.Array | pa.ChunkedArray) -> Flags:
    found = found.fill_null(False)
    flags = found.to_numpy() if isinstance(found, pa.ChunkedArray) else found.to_numpy(zero_copy_only=False)
    return np.asarray(flags, bool)


def has_few(text: pa.ChunkedArray) -> bool:
    """Whether a text column has few different values, judged by its first rows."""
    first = text.slice(0, 2_000)
    different: int = pc.count_distinct(first, mode="all").as_py()
    return len(text) > 0 and different * 4 <= len(first)


def are_personal(text: pa.Array | pa.ChunkedArray) -> Flags:
    """Which texts hold something shaped like an ID or mobile number."""
    ascii_only = pc.string_is_ascii(text)
    personal = flags_of(pc.match_substring_regex(text, ASCII_SHAPES))
    other = np.flatnonzero(~flags_of(ascii_only))
    if len(other):
        suspect = other[flags_of(pc.match_substring_regex(text.take(pa.array(other)), _SUSPECT))]
        texts = text.take(pa.array(suspect)).to_pylist()
        personal[suspect] = [each is not None and looks_personal(each) for each in texts]
    return personal


def floats_of(given: pa.ChunkedArray, missing: Flags) -> Floats:
    """The numbers of a column; NaN where it is empty or holds something else."""
    if not is_text(given.type):
        if not (pa.types.is_integer(given.type) or pa.types.is_floating(given.type)):
            try:
                given = given.cast(pa.float64(), safe=False)
            except pa.ArrowInvalid:
                return np.full(len(missing), np.nan)
        return np.where(missing, np.nan, given.to_numpy()).astype(np.float64)
    filled = pc.if_else(pa.array(missing), pa.scalar(None, given.type), given)
    try:
        values = pc.cast(filled, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        plain = flags_of(pc.match_substring_regex(filled, _NUMBER))
        values = pc.cast(pc.if_else(pa.array(plain), filled, pa.scalar(None, given.type)), pa.float64()).to_numpy()
        odd = ~plain & ~missing
        values = values.copy()
        values[odd] = pd.to_numeric(
            pd.Series(filled.filter(pa.array(odd)).to_pylist(), dtype=object), errors="coerce"
        )
    return np.asarray(values, np.float64)


def moments_of(given: pa.ChunkedArray, missing: Flags, kind: str, form: str | None, zone: ZoneInfo) -> pd.Series:
    """Dates, or times in UTC, NaT where there is none; ``kind`` is date or time, ``form`` None for ISO 8601."""
    quick = _quick_moments(given, missing) if form is None else None
    form = form or "ISO8601"
    if kind == "date":
        moments = (
            quick if quick is not None else pd.to_datetime(_objects(given, missing), format=form, errors="coerce")
        )
        if isinstance(moments.dtype, pd.DatetimeTZDtype):
            moments = moments.dt.tz_convert(zone).dt.tz_localize(None)
        return moments
    if quick is not None:
        moments = quick if isinstance(quick.dtype, pd.DatetimeTZDtype) else _in_zone(quick, zone)
        return moments.dt.tz_convert("UTC")
    texts = _objects(given, missing)
    offset = flags_of(pc.match_substring_regex(given.cast(pa.string()), _OFFSET))
    aware = pd.to_datetime(texts.where(offset), format=form, errors="coerce", utc=True)
    local = pd.to_datetime(texts.where(~offset), format=form, errors="coerce").astype("datetime64[us]")
    return aware.fillna(_in_zone(local, zone).dt.tz_convert("UTC"))


def _quick_moments(given: pa.ChunkedArray, missing: Flags) -> pd.Series | None:
    """A column of times, or one of texts in plain ISO form that all have an offset or all have none; else None."""
    if pa.types.is_timestamp(given.type) or pa.types.is_date(given.type):
        kind = pa.timestamp("us", getattr(given.type, "tz", None))
        return pd.Series(given.cast(kind, safe=False).to_pandas())
    if not is_text(given.type):
        return None
    filled = pc.if_else(pa.array(missing), pa.scalar(None, given.type), given)
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return pd.Series(pc.cast(filled, kind).to_pandas())
        except pa.ArrowInvalid:
            continue
    return None


def _objects(given: pa.ChunkedArray, missing: Flags) -> pd.Series:
    return pd.Series(given.cast(pa.string()).to_numpy(), dtype=object).where(~missing, None)


def _in_zone(local: pd.Series, zone: ZoneInfo) -> pd.Series:
    """City time: of an hour that comes twice the first, of one that the clocks leave out its end."""
    return local.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
