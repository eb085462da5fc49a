"""Why a desk was called: what was answered, what was recorded then, and what is known now. Imports ``history``.

Three sides of one question: the kept answer; the grid and the duty as they were recorded when it was asked
(``known_at``); and the same moment as it is known today. Where two of them differ, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gridmap.access import Action, covers, require
from gridmap.coverage.answer import Answer, Question
from gridmap.errors import NotFound
from gridmap.history import cover
from gridmap.model import Actor, City
from gridmap.store.answers import KeptAnswer, read_answer
from gridmap.store.audit import note
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody to call: the post and its phone, and who holds it."""

    level: str
    title: str
    phone: str
    post: str | None
    holder: str | None


@dataclass(frozen=True, slots=True)
class Side:
    """Who covered the place, as one side knows it."""

    revision: int
    cell: str | None
    on_duty: tuple[Called, ...]
    ladder: tuple[Called, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What two sides say differently. ``between``: ``answered and recorded``, or ``recorded and now``."""

    between: str
    what: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Explained:
    """A kept answer beside what was recorded when it was given and what is known now; None: no grid was there."""

    kept: KeptAnswer
    answered: Side
    recorded: Side | None
    now: Side | None
    differences: tuple[Difference, ...]
    why_en: str
    why_zh: str


def explain(database: Database, actor: Actor, answer_id: str) -> Explained:
    """Explain an answer to who supervises the place or gave it; NotFound also where that is not the actor.

    That it was explained leaves a trace.
    """
    require(actor, Action.EXPLAIN)
    unknown = NotFound(f"no answer {answer_id!r} is kept for your territories")
    try:
        UUID(answer_id)
    except ValueError:
        raise unknown from None
    with database.begin(actor) as connection:
        kept = read_answer(connection, answer_id)
        if kept is None or not covers(actor, kept.codes):
            raise unknown
        city = read_city(connection)
        recorded = _side_at(connection, city, kept, kept.at)
        now = _side_at(connection, city, kept, None)
        note(
            connection, {"read": {"what": "kept answer", "rows": 1, "answer": kept.id}, "codes": list(kept.codes)}
        )
    answered = _answered(kept.answer)
    differences = (
        *_differences("answered and recorded", answered, recorded),
        *_differences("recorded and now", recorded, now),
    )
    return Explained(kept, answered, recorded, now, differences, *_why(answered, kept.answer, differences))


def _side_at(connection: Connection, city: City, kept: KeptAnswer, known_at: datetime | None) -> Side | None:
    asked = kept.question
    question = Question(
        asked["lon"], asked["lat"], datetime.fromisoformat(asked["at"]), asked["accuracy_m"], asked["category"]
    )
    if known_at is not None and asked["known_at"] is not None:
        known_at = datetime.fromisoformat(asked["known_at"])
    try:
        found, _ = cover(connection, city, question, known_at, asked["revision"])
    except NotFound:
        return None
    return _side(found)


def _side(found: Answer) -> Side:
    return Side(
        found.where.revision.number,
        None if found.where.cell is None else found.where.cell.code,
        tuple(
            Called(turn.post.level, turn.post.title, turn.post.phone, turn.post.code, turn.holder)
            for turn in found.on_duty
        ),
        tuple(Called(rung.level, rung.title, rung.phone, rung.post, rung.holder) for rung in found.ladder),
    )


def _answered(answer: Mapping[str, Any]) -> Side:
    cell = answer["cell"]
    return Side(
        answer["revision"],
        None if cell is None else cell["code"],
        tuple(map(_called, answer["on_duty"])),
        tuple(map(_called, answer["ladder"])),
    )


def _called(given: Mapping[str, Any]) -> Called:
    return Called(given["level"], given["title"], given["phone"], given["post"], given["holder"])


def _differences(between: str, one: Side | None, other: Side | None) -> Iterable[Difference]:
    if one is None or other is None:
        if one is not other:
            yield Difference(between, "grid", None if one is None else one.revision, other and other.revision)
        return
    for what in ("revision", "cell", "on_duty", "ladder"):
        before, after = getattr(one, what), getattr(other, what)
        if before != after:
            yield Difference(between, what, before, after)


def _why(side: Side, answer: Mapping[str, Any], differences: Iterable[Difference]) -> tuple[str, str]:
    """The reason in a few sentences, in English and Chinese."""
    first = side.ladder[0]
    place_en = f"the point lies in cell {side.cell}" if side.cell else "the point lies in no cell"
    place_zh = f"该点位于网格{side.cell}" if side.cell else "该点不在任何网格内"
    who_en = f", held by {first.holder}," if first.holder else ", with nobody recorded on shift,"
    who_zh = f"（值班：{first.holder}）" if first.holder else "（无当班记录）"
    en = (
        f"In revision {side.revision} {place_en}. The first to call was {first.title} {first.phone}{who_en} "
        f"at the level {first.level}."
    )
    zh = f"第{side.revision}版网格中，{place_zh}；首先应呼叫{first.title}{first.phone}{who_zh}。"
    if answer["degraded"] is not None:
        as_of = answer["degraded"]["data_as_of"]
        en += f" The database was away; the answer rests on data of {as_of}."
        zh += f"当时数据库不可用，答复依据{as_of}的数据。"
    changed = sorted({each.what for each in differences if each.between == "recorded and now"})
    if changed:
        en += f" Known differently now: {', '.join(changed)}."
        zh += "现有记录与当时不同。"
    return en, zh
