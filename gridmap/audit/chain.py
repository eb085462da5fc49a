"""The chain: what follows from what, and what is wrong with one that was tampered with. Pure; imports nothing.

``link`` of an entry is the SHA-256 over the link before, its place, id and body; ``hash`` of a batch that over the
hash before, its number, its first and last place, when it was sealed, and the link of its last entry; a line each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

NOTHING = "0" * 64

# Of so many wrong entries it is worked out what became of them.
_MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain, as it stands in the table."""

    seq: int
    id: str
    batch: int
    body: str
    link: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What was sealed at one time."""

    number: int
    first: int
    last: int
    sealed_at: str
    link: str
    hash: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What may be forgotten of an entry (its id): a reference or where somebody acted from, with its proof."""

    entry: str
    proof: str
    what: str
    value: str
    salt: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What was written down of a batch outside the database."""

    batch: int
    last: int
    hash: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where and why.

    ``changed``, ``missing``, ``inserted``, ``reordered``, ``truncated``, ``replaced`` or ``unanchored``.
    """

    what: str
    where: str
    why: str


@dataclass
class Checked:
    """What a chain was found to be. ``forgotten``: how many details entries have a proof of and are gone."""

    entries: int = 0
    batches: int = 0
    anchors: int = 0
    forgotten: int = 0
    findings: list[Finding] = field(default_factory=list)


def digest(*lines: object) -> str:
    """SHA-256 over lines, in hex."""
    return hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()


def check_chain(
    batches: Sequence[Batch], entries: Iterable[Entry], details: Iterable[Detail], anchors: Sequence[Anchor]
) -> Checked:
    """Recompute a chain: ``batches`` by number, ``entries`` by place, the others in any order."""
    checked = Checked(batches=len(batches), anchors=len(anchors))
    proofs = _Proofs(checked)
    _check_entries(checked, batches, proofs.noting(entries))
    proofs.check(details)
    _check_batches(checked, batches)
    _check_anchors(checked, batches, anchors)
    return checked


def _check_entries(checked: Checked, batches: Sequence[Batch], entries: Iterable[Entry]) -> None:
    say = checked.findings.append
    links = _Links(say)
    for entry in entries:
        checked.entries += 1
        links.follow(entry)
    last, place = batches[-1].last if batches else 0, links.place
    if place < last:
        say(Finding("truncated", _span(place + 1, last), "batches tell of them, and the chain ends before"))
    if place > last:
        say(Finding("inserted", _span(last + 1, place), "no batch tells of them"))
    links.name_wrong()
    for batch in batches:
        stored = links.ends.get(batch.last)
        if stored is not None and stored != batch.link:
            say(Finding("replaced", f"entry {batch.last}", f"batch {batch.number} was sealed over another link"))


@dataclass(frozen=True, slots=True)
class _Wrong:
    """An entry that does not follow from ``before``, the link that stands before it."""

    entry: Entry
    before: str

    @property
    def true_link(self) -> str:
        return digest(self.before, self.entry.seq, self.entry.id, self.entry.body)


class _Links:
    """Follows a chain entry by entry. Each must follow from the stored link before it, so that one fault does not
    spoil all that comes after.
    """

    def __init__(self, say: Callable[[Finding], None]) -> None:
        self._say = say
        self._wrong: list[_Wrong] = []
        self._before, self.place = NOTHING, 0
        self._moved = 0  # by how much entries stand higher than where they were chained
        self.ends: dict[int, str] = {}

    def follow(self, entry: Entry) -> None:
        """The next entry."""
        last = self._wrong[-1] if self._wrong and self._wrong[-1].entry.seq == self.place else None
        place = entry.seq - self._moved
        if entry.seq > self.place + 1:
            self._say(
                Finding("missing", _span(self.place + 1, entry.seq - 1), "no such entry stands in the chain")
            )
        elif self._follows(self._before, place, entry):
            pass
        elif last is not None and self._stand_for_each_other(last, entry):
            return
        elif last is not None and self._follows(last.before, place - 1, entry):
            self._wrong.pop()
            self._moved += 1
            self._say(Finding("inserted", f"entry {last.entry.seq}", "what comes after it was moved up"))
        elif last is not None and self._follows(self._before, place + 1, entry):
            self._wrong.pop()
            self._moved -= 1
            self._say(Finding("missing", f"entry {last.entry.seq}", "what came after it was moved down"))
        else:
            self._wrong.append(_Wrong(entry, self._before))
        self._before, self.place = entry.link, entry.seq
        self.ends[entry.seq] = entry.link

    def _stand_for_each_other(self, last: _Wrong, entry: Entry) -> bool:
        """Whether two neighbours have changed places, links and all; then the chain goes on from the first."""
        one, place = last.entry, entry.seq - self._moved
        if not (self._follows(last.before, place - 1, entry) and self._follows(entry.link, place, one)):
            return False
        self._wrong.pop()
        for each, other in ((one, entry), (entry, one)):
            why = f"it has changed places with entry {other.seq}"
            self._say(Finding("reordered", f"entry {each.seq}", why))
        self._before, self.place = one.link, entry.seq
        self.ends |= {one.seq: entry.link, entry.seq: one.link}
        return True

    @staticmethod
    def _follows(before: str, place: int, entry: Entry) -> bool:
        return digest(before, place, entry.id, entry.body) == entry.link

    def name_wrong(self) -> None:
        """Say what is wrong with entries that do not follow: some do, from a link that stands elsewhere now."""
        known = {link for each in self._wrong[:_MOST_NAMED] for link in (each.entry.link, each.true_link)}
        wrong = [
            each
            for each in self._wrong[:_MOST_NAMED]
            if not any(self._follows(link, each.entry.seq, each.entry) for link in known)
        ]
        for each in wrong:
            self._say(_named(each, wrong))
        if len(self._wrong) > _MOST_NAMED:
            more = len(self._wrong) - _MOST_NAMED
            self._say(Finding("changed", f"{more} more entries", "they are not what was chained"))


def _named(one: _Wrong, wrong: Sequence[_Wrong]) -> Finding:
    """A wrong entry that is right at another's place was moved there; else it was changed, or is a new one."""
    seq = one.entry.seq
    for other in wrong:
        if other is not one and _have_changed_places(*sorted((one, other), key=lambda each: each.entry.seq)):
            return Finding("reordered", f"entry {seq}", f"it has changed places with entry {other.entry.seq}")
    return Finding("changed", f"entry {seq}", "its body, id or place is not what was chained")


def _have_changed_places(first: _Wrong, second: _Wrong) -> bool:
    one, two = first.entry, second.entry
    stored = {one.link, two.link}
    right = digest(first.before, one.seq, two.id, two.body)
    before = right if two.seq == one.seq + 1 else second.before
    return right in stored and digest(before, two.seq, one.id, one.body) in stored


class _Proofs:
    """The details that entries have proofs of, and how many entries say were removed."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        self._proofs: dict[str, frozenset[str]] = {}
        self._removed = 0

    def noting(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries; what they say of details is noted on the way."""
        for entry in entries:
            if '"proofs"' in entry.body or '"audit_detail"' in entry.body:
                self._note(entry)
            yield entry

    def _note(self, entry: Entry) -> None:
        try:
            body = json.loads(entry.body)
            proofs = [proof for each in body.get("proofs", {}).values() for proof in each]
            changes = [each for each in body.get("changes", []) if each["table"] == "audit_detail"]
            self._removed += sum(each["rows"] for each in changes if each["did"] == "delete")
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # a body that was changed; its link says so
        if proofs:
            self._proofs[entry.id] = frozenset(proofs)

    def check(self, details: Iterable[Detail]) -> None:
        """Hold the details that stand against the proofs."""
        say, standing = self._checked.findings.append, 0
        for each in details:
            where = f"{each.what} of entry {each.entry}"
            if each.proof not in self._proofs.get(each.entry, ()):
                say(Finding("inserted", where, "the entry has no proof of it"))
            elif hashlib.sha256(f"{each.salt}{each.value}".encode()).hexdigest() != each.proof:
                say(Finding("changed", where, "it is not what the entry has the proof of"))
            else:
                standing += 1
        self._checked.forgotten = sum(map(len, self._proofs.values())) - standing
        if self._checked.forgotten > self._removed:
            why = f"{self._checked.forgotten} are gone, and entries tell of {self._removed}"
            say(Finding("missing", "details of entries", why))


def _check_batches(checked: Checked, batches: Sequence[Batch]) -> None:
    say = checked.findings.append
    before, number, last = NOTHING, 0, 0
    for batch in batches:
        if batch.number > number + 1:
            say(Finding("missing", f"batch {number + 1}", f"of {number + 1} to {batch.number - 1} none stands"))
        elif digest(before, batch.number, batch.first, batch.last, batch.sealed_at, batch.link) != batch.hash:
            say(Finding("changed", f"batch {batch.number}", "its figures are not those that were hashed"))
        elif batch.first != last + 1:
            say(Finding("changed", f"batch {batch.number}", f"begins at {batch.first}, not at {last + 1}"))
        before, number, last = batch.hash, batch.number, batch.last


def _check_anchors(checked: Checked, batches: Sequence[Batch], anchors: Sequence[Anchor]) -> None:
    if batches and not anchors:
        why = "no anchor from outside the database tells of them: they may have been made anew"
        checked.findings.append(Finding("unanchored", f"batch 1 to {batches[-1].number}", why))
    by_number = {batch.number: batch for batch in batches}
    beyond: list[Anchor] = []
    for anchor in anchors:
        batch = by_number.get(anchor.batch)
        if batch is None:
            beyond.append(anchor)
        elif batch.hash != anchor.hash:
            why = f"the anchor says {anchor.hash[:12]}…, the table {batch.hash[:12]}…"
            checked.findings.append(Finding("replaced", f"batch {batch.number}", why))
    if beyond:
        furthest = max(beyond, key=lambda anchor: anchor.batch)
        last = batches[-1].number if batches else 0
        if furthest.batch > last:
            why = f"an anchor knows of entries up to {furthest.last}; the table ends with batch {last}"
            checked.findings.append(Finding("truncated", f"batch {last + 1} to {furthest.batch}", why))


def _span(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"
