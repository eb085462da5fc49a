"""What a draft is: its states, the steps between them, and who has a say in it. Pure.

Imports ``access``, ``model`` and ``errors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from gridmap.access import Action, Bound, bound, covers
from gridmap.errors import RuleBroken
from gridmap.model import DRAFT_STATES, Actor

# In these an approver or publisher of the territory sees a draft that is not theirs.
_UNDER_REVIEW = frozenset({"submitted", "returned", "approved", "scheduled", "published"})


class Step(Enum):
    """What may be done with a draft; its value is how an error calls it."""

    EDIT = "be edited"
    SUBMIT = "be submitted"
    RETURN = "be returned"
    APPROVE = "be approved"
    WAIVE = "have a check waived"
    SCHEDULE = "be scheduled"
    RECALL = "be taken off its schedule"
    PUBLISH = "be published"
    DISCARD = "be discarded"


# The states from which a step may be taken.
STEPS: dict[Step, frozenset[str]] = {
    Step.EDIT: frozenset({"open", "returned"}),
    Step.SUBMIT: frozenset({"open", "returned"}),
    Step.RETURN: frozenset({"submitted", "approved"}),
    Step.APPROVE: frozenset({"submitted"}),
    Step.WAIVE: frozenset({"open", "returned", "submitted", "approved"}),
    Step.SCHEDULE: frozenset({"open", "returned", "submitted", "approved"}),
    Step.RECALL: frozenset({"scheduled"}),
    Step.PUBLISH: frozenset({"open", "returned", "submitted", "approved", "scheduled"}),
    Step.DISCARD: frozenset({"open", "submitted", "returned", "approved"}),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A planner's proposed change to revision ``base``.

    ``version`` counts its edits, undone and redone ones too. ``places``: the codes of the cells and areas that it
    changes, and of those above them. ``problem``: why it could not be published when it was due. ``reason``: why
    it is drawn, in the planner's words; it becomes the revision's note.
    """

    id: int
    name: str
    base: int
    owner: str
    shared_with: tuple[str, ...]
    state: str
    version: int
    places: tuple[str, ...]
    made_at: datetime
    changed_at: datetime
    publish_at: datetime | None = None
    publisher: str | None = None
    revision: int | None = None
    problem: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordedEdit:
    """An edit as the planner meant it, in the words of the wire. ``undone`` ones wait to be redone.

    ``weights``: of a split by households lon, lat and number of each building that the cell had then.
    """

    seq: int
    meant: dict[str, object]
    actor: str
    made_at: datetime
    undone: bool
    weights: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark on a draft, pinned to a point (lon, lat) or a cell, or to neither."""

    id: int
    actor: str
    made_at: datetime
    text: str
    point: tuple[float, float] | None = None
    cell: str | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """An approver's yes to a version of the draft, for the level and area of his territory."""

    level: str
    area: str
    actor: str
    made_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Waiver:
    """A check of the certificate that need not pass at a version; ``signed`` is who answers for it."""

    what: str
    signed: str
    reason: str
    actor: str
    made_at: datetime
    version: int


def check_step(draft: Draft, step: Step) -> None:
    """RuleBroken when the draft's state does not allow the step."""
    if draft.state not in STEPS[step]:
        allowed = ", ".join(state for state in DRAFT_STATES if state in STEPS[step])
        raise RuleBroken(f"draft {draft.id} is {draft.state}: it can {step.value} only while it is {allowed}")


def is_drawing(actor: Actor, draft: Draft) -> bool:
    """Whether the actor works on the draft: its owner and those it is shared with, and commands on the machine."""
    reach = bound(actor, Action.DRAW)
    return reach is Bound.EVERYWHERE or (reach is Bound.SHARED and _is_shared(actor, draft))


def may_share(actor: Actor, draft: Draft) -> bool:
    """Whether the actor shares the draft with others and discards it: its owner, and whoever may draw all."""
    return actor.id == draft.owner or bound(actor, Action.DRAW) is Bound.EVERYWHERE


def may_see(actor: Actor, draft: Draft) -> bool:
    """Whether the draft is there for the actor at all: it is for all others as if it were not."""
    reach = bound(actor, Action.READ_DRAFTS)
    if reach is None or reach is Bound.EVERYWHERE or _is_shared(actor, draft):
        return reach is not None
    return reach is Bound.REVIEW and draft.state in _UNDER_REVIEW and covers(actor, draft.places)


def _is_shared(actor: Actor, draft: Draft) -> bool:
    return actor.id == draft.owner or actor.id in draft.shared_with
