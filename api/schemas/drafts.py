"""Drafts: what is sent to draw, review and publish them, and what comes back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictInt, StringConstraints

from api.schemas.draft_impact import FindingOut
from api.schemas.registry import FeatureCollection
from api.schemas.texts import CodeText, Pair, ShortText, Strict

State = Literal["open", "submitted", "returned", "approved", "scheduled", "published", "discarded"]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
_ReasonText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
_ActorText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
_CrsText = Annotated[str, Field(max_length=20)]


class DraftIn(Strict):
    """A new draft, and why; ``base`` may say which revision it must start from, which is the current one."""

    name: ShortText
    reason: _ReasonText = ""
    base: Annotated[StrictInt | None, Field(ge=1, le=2**31 - 1)] = None


class DraftChangeIn(Strict):
    """Another name or reason, or the ids of the actors that may draw with the owner; what is left out stays."""

    name: ShortText | None = None
    reason: _ReasonText | None = None
    shared_with: Annotated[list[_ActorText], Field(max_length=100)] | None = None


class CommentIn(Strict):
    """A remark, pinned to a point (with its crs) or a cell, or to neither."""

    text: LongText
    point: Pair | None = None
    crs: _CrsText | None = None
    cell: CodeText | None = None


class ReturnIn(Strict):
    """A draft goes back, with remarks."""

    comments: list[CommentIn] = Field(default_factory=list, max_length=100)


class ApproveIn(Strict):
    """The area for which one says yes; left out, those of one's territories that the draft changes."""

    area: CodeText | None = None


class WaiverIn(Strict):
    """A check that need not pass: who answers for it, and why."""

    check: Literal["size_band", "street_share", "staffed"]
    name: ShortText
    reason: LongText


class PublishIn(Strict):
    """When it is to be published, if not now, and what the revision is about, if not its reason or name."""

    at: datetime | None = None
    note: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")] | None = None


class DraftStarted(BaseModel):
    """A draft's number and the revision it is based on."""

    draft: int
    base: int


class DraftListed(BaseModel):
    """A draft without what belongs to it; ``version`` counts its edits, undone and redone ones too."""

    draft: int
    name: str
    reason: str
    base: int
    owner: str
    shared_with: list[str]
    state: State
    version: int
    made_at: datetime
    changed_at: datetime
    publish_at: datetime | None
    revision: int | None
    problem: str | None


class DraftsOut(BaseModel):
    """The drafts that one may see, newest first."""

    drafts: list[DraftListed]


class EditOut(BaseModel):
    """A recorded edit as it was meant; undone ones can be redone."""

    seq: int
    edit: dict[str, Any]
    actor: str
    made_at: datetime
    undone: bool


class CommentOut(BaseModel):
    """A remark on a draft; ``point`` is lon, lat in WGS 84."""

    id: int
    text: str
    point: Pair | None
    cell: str | None
    actor: str
    made_at: datetime
    resolved_by: str | None


class ApprovalOut(BaseModel):
    """A yes for an area; ``counts`` is false when the draft was drawn on since."""

    level: str
    area: str
    actor: str
    made_at: datetime
    counts: bool


class WaiverOut(BaseModel):
    """A waived check; ``counts`` is false when the draft was drawn on since."""

    check: str
    name: str
    reason: str
    actor: str
    made_at: datetime
    counts: bool


class DraftOut(DraftListed):
    """A draft with all that belongs to it."""

    edits: list[EditOut]
    comments: list[CommentOut]
    approvals: list[ApprovalOut]
    missing_approvals: list[str]
    waivers: list[WaiverOut]


class AreaDrawn(BaseModel):
    """An area that begins or changes."""

    code: str
    level: str
    name: str
    parent: str | None


class EditedOut(BaseModel):
    """What an edit did; ``cells`` are those that it drew, ``touched`` ones only got vertices.

    ``minted`` are the new codes, ``notes`` say what was moved to fit. A preview's ``version`` is that before it.
    """

    draft: int
    base: int
    version: int
    preview: bool
    ended: list[str]
    minted: list[str]
    touched: list[str]
    areas_ended: list[str]
    areas_drawn: list[AreaDrawn]
    notes: list[str]
    cells: FeatureCollection


class DraftChangeOut(BaseModel):
    """All that a draft changes of its base: cells before and after, with what becomes of each."""

    draft: int
    base: int
    version: int
    ended: list[str]
    areas_ended: list[str]
    areas_drawn: list[AreaDrawn]
    before: FeatureCollection
    after: FeatureCollection


class OffenderOut(BaseModel):
    """What is wrong where; ``point`` is lon, lat in WGS 84."""

    code: str
    what: str
    point: Pair | None


class CheckOut(BaseModel):
    """One check of the certificate."""

    check: str
    waivable: bool
    result: Literal["pass", "fail", "waived", "not measured", "checked when published"]
    figures: dict[str, Any]
    offenders: list[OffenderOut]
    waiver: WaiverOut | None


class CertificateOut(BaseModel):
    """Whether the draft may be published on revision ``over``, and every check.

    ``replayed_over`` are the revisions since its base; ``recoded`` the new codes that it gave out and that are in
    use by now, with those that it gives out instead.
    """

    draft: int
    version: int
    base: int
    over: int
    passed: bool
    checks: list[CheckOut]
    missing_approvals: list[str]
    replayed_over: list[int]
    recoded: dict[str, str]


class PublishedDraftOut(BaseModel):
    """The revision that a draft became, or when it will be published (then ``revision`` is null)."""

    draft: int
    revision: int | None
    publish_at: datetime | None
    replayed_over: list[int]
    recoded: dict[str, str]
    unstaffed: list[str]


class NoticeLink(BaseModel):
    """The path of a public notice. It is shown once: a new one ends the old one."""

    path: str


class CommentSaved(BaseModel):
    """The number of a remark."""

    comment: int


class PublicNoticeOut(BaseModel):
    """What everybody who has the link sees of a draft: its name, why, what it changes, and the five principles."""

    name: str
    reason: str
    state: State
    base: int
    publish_at: datetime | None
    revision: int | None
    cells_before: int
    cells_after: int
    before: FeatureCollection
    after: FeatureCollection
    principles: list[FindingOut]
