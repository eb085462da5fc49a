"""Moving blocks between neighbouring parts by simulated annealing, parts staying whole. Imports ``compiled``.

Kirkpatrick, Gelatt and Vecchi 1983; moves of a block, and exchanges of two, are tried
at random and taken when they make the cost less, or with a chance that falls with the temperature.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import FLOAT_ROWS, FLOATS, INT, LONGS, OUT_LONGS, kernel
from gridmap.crs import Floats

Longs = NDArray[np.int64]

_SPREAD, _BAND, _OFF, _SHAPE, _STAY = range(5)
# Temperatures at the beginning and at the end, in the unit of the cost; how many moves try to be exchanges.
_HOT, _COLD = 1.0, 0.0005
_EXCHANGES = 0.4


@kernel()
def _cost(part: int, parts: tuple[Floats, Floats, Floats, Floats], price: Floats, scale: Floats) -> float:
    """What a part costs by itself. ``scale``: mean weight, least, most, parts, metres, square metres."""
    weight, area, perimeter, overlap = parts
    mean, least, most, count = scale[0], scale[1], scale[2], scale[3]
    share = weight[part] / mean - 1.0
    cost = price[_SPREAD] * share * share / count
    cost += price[_BAND] * max(0.0, least - weight[part], weight[part] - most) / mean / count
    cost += price[_SHAPE] * (1.0 - 4.0 * np.pi * area[part] / (perimeter[part] * perimeter[part])) / count
    if price[_STAY] > 0.0:
        cost += price[_STAY] * (area[part] - overlap[part].max()) / scale[5]
    return float(cost)


@kernel()
def _move(
    block: int,
    to: int,
    dealt: Longs,
    firsts: Longs,
    others: Longs,
    shared: Floats,
    off: Floats,
    each: tuple[Floats, Floats, Floats, Floats],
    parts: tuple[Floats, Floats, Floats, Floats],
) -> float:
    """Give a block to another part; returns by how much more boundary is along no street."""
    source = dealt[block]
    more = 0.0
    before, after = 0.0, 0.0
    for at in range(firsts[block], firsts[block + 1]):
        if dealt[others[at]] == source:
            before += shared[at]
            more += off[at]
        elif dealt[others[at]] == to:
            after += shared[at]
            more -= off[at]
    weight, area, perimeter, overlap = parts
    weight[source] -= each[0][block]
    weight[to] += each[0][block]
    area[source] -= each[1][block]
    area[to] += each[1][block]
    perimeter[source] += 2.0 * before - each[2][block]
    perimeter[to] += each[2][block] - 2.0 * after
    overlap[source] -= each[3][block]
    overlap[to] += each[3][block]
    dealt[block] = to
    return more


@kernel()
def _whole_without(block: int, dealt: Longs, firsts: Longs, others: Longs, mark: Longs, todo: Longs) -> bool:
    """Whether the rest of a block's part hangs together and is something; ``mark`` and ``todo`` are room (n,)."""
    part = dealt[block]
    wanted = 0
    start = -1
    for at in range(firsts[block], firsts[block + 1]):
        if dealt[others[at]] == part:
            wanted += 1
            start = others[at]
    if wanted <= 1:
        return wanted == 1
    mark[:] = 0
    mark[block] = 1
    mark[start] = 1
    todo[0] = start
    length = 1
    while length > 0:
        length -= 1
        here = todo[length]
        for at in range(firsts[here], firsts[here + 1]):
            other = others[at]
            if mark[other] == 0 and dealt[other] == part:
                mark[other] = 1
                todo[length] = other
                length += 1
    for at in range(firsts[block], firsts[block + 1]):
        if dealt[others[at]] == part and mark[others[at]] == 0:
            return False
    return True


@kernel()
def _tallied(
    dealt: Longs,
    firsts: Longs,
    others: Longs,
    shared: Floats,
    off: Floats,
    each: tuple[Floats, Floats, Floats, Floats],
    parts: tuple[Floats, Floats, Floats, Floats],
) -> float:
    """Fill in weight, area, perimeter and old cells of each part; returns the boundary that is along no street."""
    outside = 0.0
    weight, area, perimeter, overlap = parts
    for block in range(len(dealt)):
        part = dealt[block]
        weight[part] += each[0][block]
        area[part] += each[1][block]
        perimeter[part] += each[2][block]
        overlap[part] += each[3][block]
        for at in range(firsts[block], firsts[block + 1]):
            if dealt[others[at]] == part:
                perimeter[part] -= shared[at]
            else:
                outside += off[at] / 2.0
    return outside


@kernel()
def _in_exchange(
    block: int, source: int, dealt: Longs, firsts: Longs, others: Longs, mark: Longs, todo: Longs
) -> int:
    """A block of the part where ``block`` is now that may go where it came from; -1 when none was hit upon."""
    back = np.random.randint(len(dealt))
    if back == block or dealt[back] != dealt[block]:
        return -1
    for at in range(firsts[back], firsts[back + 1]):
        if dealt[others[at]] == source:
            return back if _whole_without(back, dealt, firsts, others, mark, todo) else -1
    return -1


@kernel(
    OUT_LONGS, LONGS, LONGS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOAT_ROWS,
    FLOATS, FLOATS, INT, INT,
)  # fmt: skip
def anneal(
    dealt: Longs,
    firsts: Longs,
    others: Longs,
    shared: Floats,
    off: Floats,
    block_weight: Floats,
    block_area: Floats,
    block_perimeter: Floats,
    block_overlap: Floats,
    price: Floats,
    scale: Floats,
    steps: int,
    seed: int,
) -> float:
    """Change ``dealt`` (n,), the part of each block, to the cheapest that was met; returns what that costs.

    ``price`` (5,): of spread, of being outside the band, of off-street metres, of bad shape, of changed ground.
    """
    np.random.seed(seed)
    count = int(scale[3])
    each = (block_weight, block_area, block_perimeter, block_overlap)
    parts = (np.zeros(count), np.zeros(count), np.zeros(count), np.zeros((count, block_overlap.shape[1])))
    cost = price[_OFF] * _tallied(dealt, firsts, others, shared, off, each, parts) / scale[4]
    for part in range(count):
        cost += _cost(part, parts, price, scale)
    best, found = cost, dealt.copy()
    mark, todo = np.zeros(len(dealt), np.int64), np.zeros(len(dealt), np.int64)
    for step in range(steps):
        block = np.random.randint(len(dealt))
        if firsts[block] == firsts[block + 1]:
            continue
        source, to = dealt[block], dealt[others[np.random.randint(firsts[block], firsts[block + 1])]]
        if source == to or not _whole_without(block, dealt, firsts, others, mark, todo):
            continue
        was = _cost(source, parts, price, scale) + _cost(to, parts, price, scale)
        more = _move(block, to, dealt, firsts, others, shared, off, each, parts)
        back = -1
        if np.random.random() < _EXCHANGES:
            back = _in_exchange(block, source, dealt, firsts, others, mark, todo)
        if back >= 0:
            more += _move(back, source, dealt, firsts, others, shared, off, each, parts)
        now = _cost(source, parts, price, scale) + _cost(to, parts, price, scale)
        change = now - was + price[_OFF] * more / scale[4]
        temperature = _HOT * (_COLD / _HOT) ** (step / steps)
        if change > 0.0 and np.random.random() >= np.exp(-change / temperature):
            if back >= 0:
                _move(back, to, dealt, firsts, others, shared, off, each, parts)
            _move(block, source, dealt, firsts, others, shared, off, each, parts)
            continue
        cost += change
        if cost < best - 1e-12:
            best = cost
            found[:] = dealt
    dealt[:] = found
    return float(best)
