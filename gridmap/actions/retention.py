"""Ending what is past its retention: persons by category, rejected rows, holders and phones of duty long over,
addresses and answers that the trace keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gridmap.access import Action, require
from gridmap.errors import InvalidInput
from gridmap.model import PERSON_CATEGORIES, PERSON_RETENTION_DAYS, Actor
from gridmap.store import audit
from gridmap.store import retention as store
from gridmap.store.database import Connection, Database
from gridmap.store.forgetting import remove_persons

Progress = Callable[[str], None]

_DAYS_PER_MONTH = 30.44
# Persons that one statement removes at most.
_BATCH = 5_000


@dataclass(frozen=True)
class RetentionRules:
    """Days that persons are kept for by category, months that duty long over keeps names and phones for, and days
    that the trace keeps from where something was done, and answers.
    """

    person_days: Mapping[str, int] = field(default_factory=lambda: PERSON_RETENTION_DAYS)
    duty_months: int = 24
    origin_days: int = 180
    answer_days: int = 90

    @classmethod
    def of(
        cls, person_days: Mapping[str, int], duty_months: int, origin_days: int = 180, answer_days: int = 90
    ) -> RetentionRules:
        """A city's own days over those that GridMap proposes; InvalidInput for an unknown category."""
        for category, days in person_days.items():
            if category not in PERSON_CATEGORIES:
                raise InvalidInput("category", category, f"must be one of {', '.join(PERSON_CATEGORIES)}")
            if days < 1:
                raise InvalidInput("retention days", days, f"of {category} must be 1 or more")
        return cls({**PERSON_RETENTION_DAYS, **person_days}, duty_months, origin_days, answer_days)


class _Undo(Exception):
    pass


def retain(
    database: Database,
    actor: Actor,
    rules: RetentionRules,
    now: datetime,
    progress: Progress = lambda _: None,
    *,
    dry_run: bool = False,
) -> dict[str, int]:
    """Remove what is past its retention at ``now``, in one transaction; what was removed, by rule.

    Persons are removed as by forgetting, but may come again when the register names them again. A ``dry_run``
    counts the same and changes nothing.
    """
    require(actor, Action.RETAIN)
    done: dict[str, int] = {}
    try:
        with database.begin(actor, long_work=True) as connection:
            for category, days in rules.person_days.items():
                progress(f"persons: {category}, {days} days")
                ids = store.find_expired_persons(connection, category, now - timedelta(days=days))
                for first in range(0, len(ids), _BATCH):
                    remove_persons(connection, ids[first : first + _BATCH])
                done[f"persons {category}"] = len(ids)
            _end_others(connection, rules, now, done, progress)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return done


def _end_others(
    connection: Connection, rules: RetentionRules, now: datetime, done: dict[str, int], progress: Progress
) -> None:
    progress("rejected rows")
    done["rejected rows"] = store.remove_expired_rejected(connection, now)
    progress(f"duty that ended {rules.duty_months} months ago")
    ended = now - timedelta(days=_DAYS_PER_MONTH * rules.duty_months)
    named = store.take_names_out(connection, ended)
    done["names in shifts"] = named["shift"]
    done["names in exceptions"] = named["shift_exception"]
    done["holders"] = named["holder"]
    done["phones of ended posts"] = store.take_phones_out(connection, ended)
    progress("addresses in the trace and kept answers")
    origins, answers = timedelta(days=rules.origin_days), timedelta(days=rules.answer_days)
    removed = audit.prune(connection, now - origins, now - answers)
    done["addresses in the trace"], done["kept answers"] = removed
