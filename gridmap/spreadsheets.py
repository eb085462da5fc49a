"""Text in tables that people open: none of it is a formula. Imports nothing of ours."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

Value = TypeVar("Value")

# A spreadsheet takes text that begins like this for a formula, also from a CSV file; in full width, too, where
# that is what a keyboard writes.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: Value) -> Value | str:
    """The value, text that would be a formula behind an apostrophe; text that is a number stays as it is."""
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    with suppress(ValueError):
        float(value)
        return value
    return f"'{value}"
