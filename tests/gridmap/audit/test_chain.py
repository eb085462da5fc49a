"""The chain's arithmetic by hand: whole ones hold, and every kind of tampering is named where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.audit.chain import NOTHING, Anchor, Batch, Entry, check_chain, digest

Chain = tuple[list[Batch], list[Entry]]


def chain(sizes: tuple[int, ...] = (3, 1, 4, 2)) -> Chain:
    """Batches of so many entries, chained as the module's docstring says."""
    batches: list[Batch] = []
    entries: list[Entry] = []
    link, hashed = NOTHING, NOTHING
    for number, size in enumerate(sizes, 1):
        first = len(entries) + 1
        for seq in range(first, first + size):
            body = f'{{"action": "a{seq}"}}'
            link = digest(link, seq, f"id{seq}", body)
            entries.append(Entry(seq, f"id{seq}", number, body, link))
        hashed = digest(hashed, number, first, first + size - 1, f"t{number}", link)
        batches.append(Batch(number, first, first + size - 1, f"t{number}", link, hashed))
    return batches, entries


def anchors(batches: list[Batch]) -> list[Anchor]:
    return [Anchor(batch.number, batch.last, batch.hash) for batch in batches]


def found(whole: Chain, tampered: Chain) -> set[tuple[str, str]]:
    """What is found, and where."""
    batches, entries = tampered
    checked = check_chain(batches, entries, [], anchors(whole[0]))
    return {(finding.what, finding.where) for finding in checked.findings}


def unanchored(batches: list[Batch], entries: list[Entry]) -> bool:
    """Whether a chain is sound by itself, and only lacks anchors."""
    return [each.what for each in check_chain(batches, entries, [], []).findings] == ["unanchored"]


def changed(entries: list[Entry], seq: int, **values: object) -> list[Entry]:
    return [replace(each, **values) if each.seq == seq else each for each in entries]  # type: ignore[arg-type]


def swapped(entries: list[Entry], one: int, other: int) -> list[Entry]:
    """The contents of two places, each with its link, changed over."""
    places = {one: other, other: one}
    moved = [replace(each, seq=places.get(each.seq, each.seq)) for each in entries]
    return sorted(moved, key=lambda each: each.seq)


def bodies_swapped(entries: list[Entry], one: int, other: int) -> list[Entry]:
    by_seq = {each.seq: each for each in entries}
    for seq, source in ((one, by_seq[other]), (other, by_seq[one])):
        entries = changed(entries, seq, id=source.id, body=source.body)
    return entries


def moved_up(entries: list[Entry], at: int) -> list[Entry]:
    """A new entry at a place; those that stood there and after are one higher."""
    fake = Entry(at, "fake", 1, "{}", digest("anything"))
    return sorted(
        [fake, *(replace(each, seq=each.seq + (each.seq >= at)) for each in entries)], key=lambda e: e.seq
    )


def moved_down(entries: list[Entry], at: int) -> list[Entry]:
    return [replace(each, seq=each.seq - (each.seq > at)) for each in entries if each.seq != at]


@given(st.lists(st.integers(1, 9), max_size=9))
def test_a_whole_chain_holds(sizes: list[int]) -> None:
    whole = chain(tuple(sizes))
    checked = check_chain(*whole, [], anchors(whole[0]))
    assert checked.findings == []
    assert (checked.entries, checked.batches) == (sum(sizes), len(sizes))


TAMPERED: list[tuple[Callable[[list[Entry]], list[Entry]], set[tuple[str, str]]]] = [
    (lambda e: changed(e, 5, body="{}"), {("changed", "entry 5")}),
    (lambda e: changed(e, 5, id="other"), {("changed", "entry 5")}),
    (lambda e: changed(e, 5, link=digest("other")), {("changed", "entry 5")}),
    (lambda e: changed(e, 1, body="{}"), {("changed", "entry 1")}),
    (lambda e: changed(e, 10, body="{}"), {("changed", "entry 10")}),
    (lambda e: changed(changed(e, 2, body="{}"), 7, body="{}"), {("changed", "entry 2"), ("changed", "entry 7")}),
    (lambda e: [each for each in e if each.seq != 5], {("missing", "entry 5")}),
    (lambda e: [each for each in e if each.seq not in (1, 2)], {("missing", "entries 1 to 2")}),
    (lambda e: [each for each in e if each.seq < 9], {("truncated", "entries 9 to 10")}),
    (lambda e: [], {("truncated", "entries 1 to 10")}),
    (lambda e: [*e, Entry(11, "new", 4, "{}", digest(e[-1].link, 11, "new", "{}"))], {("inserted", "entry 11")}),
    (lambda e: swapped(e, 5, 6), {("reordered", "entry 5"), ("reordered", "entry 6")}),
    (lambda e: swapped(e, 2, 7), {("reordered", "entry 2"), ("reordered", "entry 7")}),
    (lambda e: bodies_swapped(e, 5, 6), {("reordered", "entry 5"), ("reordered", "entry 6")}),
    (lambda e: bodies_swapped(e, 2, 7), {("reordered", "entry 2"), ("reordered", "entry 7")}),
    (lambda e: moved_up(e, 6), {("inserted", "entry 6")}),
    (lambda e: moved_down(e, 6), {("missing", "entry 6")}),
]


@pytest.mark.parametrize(("tamper", "expected"), TAMPERED)
def test_what_was_done_is_named_where_it_was(
    tamper: Callable[[list[Entry]], list[Entry]], expected: set[tuple[str, str]]
) -> None:
    whole = chain()
    assert expected <= found(whole, (whole[0], tamper(whole[1])))
    told = found(whole, (whole[0], tamper(whole[1]))) - expected
    # That a batch ends on another entry than it was sealed over may be said besides, and where the chain ends now.
    assert all(what in ("replaced", "truncated", "inserted") for what, _ in told), told


def test_a_chain_without_its_newest_batches_is_found_by_an_anchor() -> None:
    whole = chain()
    cut = (whole[0][:2], whole[1][:4])
    assert found(whole, cut) == {("truncated", "batch 3 to 4")}
    assert unanchored(*cut), "nothing else could tell"


def test_a_chain_made_anew_is_found_by_an_anchor() -> None:
    whole, other = chain((3, 2)), chain((2, 3))
    assert unanchored(*other)
    assert found(whole, other) == {("replaced", "batch 1"), ("replaced", "batch 2")}


@pytest.mark.parametrize("values", [{"last": 5}, {"sealed_at": "then"}, {"link": NOTHING}, {"hash": NOTHING}])
def test_a_batch_that_was_changed_is_named(values: dict[str, object]) -> None:
    batches, entries = chain()
    batches[1] = replace(batches[1], **values)  # type: ignore[arg-type]
    findings = found(chain(), (batches, entries))
    assert any(where in ("batch 2", "batch 3") for _, where in findings), findings


def test_a_batch_that_is_gone_is_named() -> None:
    batches, entries = chain()
    assert ("missing", "batch 2") in found(chain(), ([batches[0], *batches[2:]], entries))
