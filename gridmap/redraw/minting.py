"""New codes of cells by the city's pattern. Imports ``errors`` and ``model``.

A pattern is a format with ``{community}`` and ``{sequence:03d}``, or ``{code}`` where the city gives codes out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken

_SEQUENCE = re.compile(r"0?([1-9])d")
# Centres nearer than this to one meridian stand one above the other: about a metre.
_PLACES = 5


@dataclass(frozen=True)
class CodePattern:
    """A city's pattern of cell codes; InvalidInput when it has other fields than those above."""

    text: str

    def __post_init__(self) -> None:
        fields = [name for _, name, _, _ in Formatter().parse(self.text) if name is not None]
        known = sorted(fields) in (["code"], ["community", "sequence"], ["sequence"])
        if not known or ("sequence" in fields and not self.digits):
            rule = "must have {community} and {sequence:03d}, or {sequence:03d}, or {code}"
            raise InvalidInput("code_pattern", self.text, rule)

    @cached_property
    def digits(self) -> int:
        """How many digits a sequence has; 0 when the pattern mints no codes."""
        for _, name, form, _ in Formatter().parse(self.text):
            match = _SEQUENCE.fullmatch(form or "") if name == "sequence" else None
            if match:
                return int(match[1])
        return 0

    @property
    def has_community(self) -> bool:
        """Whether a cell's code says its community."""
        return "{community}" in self.text

    def code(self, community: str, sequence: int) -> str:
        """The code of a community's cell."""
        return self.text.format(community=community, sequence=sequence)

    def sequence(self, community: str, code: str) -> int | None:
        """The number in a code of this community; None when the code is not by the pattern."""
        head, tail = self.around(community)
        number = code[len(head) : len(code) - len(tail)]
        digits = number.isascii() and number.isdigit()
        if not digits or int(number) == 0 or self.code(community, int(number)) != code:
            return None
        return int(number)

    def around(self, community: str) -> tuple[str, str]:
        """What stands before and after the sequence."""
        before, after, seen = "", "", False
        for literal, name, _, _ in Formatter().parse(self.text):
            part = literal + (community if name == "community" else "")
            before, after = (before, after + part) if seen else (before + part, after)
            seen = seen or name == "sequence"
        return before, after


@dataclass(frozen=True)
class Mint:
    """Gives out codes that nobody ever had. ``used``: all codes of cells that there ever were, sorted.

    ``spent``: those that the plan itself gave out, also when it took them back.
    """

    pattern: CodePattern
    used: Sequence[str]
    spent: Collection[str]

    def is_free(self, code: str) -> bool:
        """Whether no cell ever had this code."""
        at = bisect_left(self.used, code)
        return code not in self.spent and not (at < len(self.used) and self.used[at] == code)

    def given(self, code: str, community: str) -> str:
        """A code that the planner chose; InvalidInput when not by the pattern, RuleBroken when it was used."""
        if self.pattern.digits and self.pattern.sequence(community, code) is None:
            raise InvalidInput("code", code, f"must be by the city's pattern {self.pattern.text} for {community}")
        if not self.is_free(code):
            raise RuleBroken(f"code {code} was used before; a code is never issued again")
        return code

    def issue(self, community: str, count: int) -> list[str]:
        """New codes for a community: after the highest number ever used, and when those run out, the gaps."""
        if not count:
            return []
        if not self.pattern.digits:
            rule = f"must be given: the city's pattern {self.pattern.text} says no new ones"
            raise InvalidInput("codes", None, rule)
        last = 10**self.pattern.digits - 1
        taken = set(self._taken(community))
        highest = max(taken, default=0)
        numbers = list(range(highest + 1, min(last, highest + count) + 1))
        gaps = (number for number in range(1, highest) if number not in taken)
        while len(numbers) < count:
            number = next(gaps, None)
            if number is None:
                raise RuleBroken(
                    f"community {community} has no code left by {self.pattern.text}: all {last} were used"
                )
            numbers.append(number)
        return [self.pattern.code(community, number) for number in numbers]

    def _taken(self, community: str) -> Iterator[int]:
        head, _ = self.pattern.around(community)
        at = bisect_left(self.used, head)
        while at < len(self.used) and self.used[at].startswith(head):
            number = self.pattern.sequence(community, self.used[at])
            if number is not None:
                yield number
            at += 1
        for code in self.spent:
            number = self.pattern.sequence(community, code) if code.startswith(head) else None
            if number is not None:
                yield number


def in_order(shapes: Sequence[BaseGeometry]) -> list[int]:
    """The positions of shapes from west to east, those one above the other from north to south."""
    centres = shapely.get_coordinates(shapely.centroid(list(shapes))).round(_PLACES + 2)
    return sorted(range(len(shapes)), key=lambda at: (round(centres[at, 0], _PLACES), -centres[at, 1]))
