"""Which requests are heavy, how many of them are worked on at once in one worker, and for how long one may wait.

A thread cannot be stopped: work that takes too long keeps its turn to its end, while whoever asked is told.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from api.errors import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What makes a file, a picture or a paper: (path, parts of the query that make it heavy; none: always).
HEAVY: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"/v1/(drafts|revisions)/[^/]+/dossier\.[a-z]+", ()),
    (r"/v1/cells/[^/]+/poster\.[a-z]+", ()),
    (r"/v1/download/[^/]+", ()),
    (r"/v1/releases/[^/]+/[^/]+\.[a-z]+", ()),
    (r"/v1/drafts/[^/]+/(certificate|impact|compare)", ()),
    (r"/v1/revisions/[^/]+/diff/[^/]+", ()),
    (r"/v1/heatmap", ("f=png", "f=xlsx", "f=geojson")),
)
_PATTERNS = tuple((re.compile(path), tuple(part.encode() for part in parts)) for path, parts in HEAVY)
# Further ones need not wait to hear that it is in vain.
_MOST_WAITING = 32
_LONGEST_WAIT_S = 20.0
_TRY_AGAIN = {"Retry-After": "10"}


def is_heavy(path: str, query: bytes) -> bool:
    """Whether a request is one of :data:`HEAVY`."""
    if not path.startswith("/v1/"):
        return False
    return any(
        pattern.fullmatch(path) is not None and (not parts or any(part in query for part in parts))
        for pattern, parts in _PATTERNS
    )


class Turns:
    """Lets so many heavy requests be worked on at once, and answers 503 for one that takes too long."""

    def __init__(self, app: ASGIApp, at_once: int, seconds: float) -> None:
        self._app = app
        self._free = asyncio.Semaphore(at_once)
        self._seconds = seconds
        self._waiting = 0
        self._going: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One heavy request."""
        if not await self._turn():
            await _refuse("too many papers, files and pictures are being made; try again", scope, receive, send)
            return
        turn = _Turn(self._free, send)
        task = asyncio.create_task(self._work(turn, scope, receive))
        self._going.add(task)
        task.add_done_callback(self._over)
        done, _ = await asyncio.wait({task}, timeout=self._seconds)
        if not done and turn.give_up():
            await _refuse(f"this took longer than {self._seconds:g} s and was given up", scope, receive, send)
            return
        await task

    async def _turn(self) -> bool:
        if self._waiting >= _MOST_WAITING:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def _over(self, task: asyncio.Task[None]) -> None:
        self._going.discard(task)
        if not task.cancelled():
            task.exception()  # a defect was logged where it happened; nobody may be left who waits for it

    async def _work(self, turn: _Turn, scope: Scope, receive: Receive) -> None:
        try:
            await self._app(scope, receive, turn.send)
        finally:
            turn.free()


class _Turn:
    """One turn: it is over when the answer begins, so that whoever reads slowly keeps no one waiting."""

    def __init__(self, semaphore: asyncio.Semaphore, send: Send) -> None:
        self._semaphore = semaphore
        self._send = send
        self._held = True
        self._begun = self._given_up = False

    async def send(self, message: Message) -> None:
        """Pass on what the route answers, unless the client was told already that it takes too long."""
        self.free()
        if not self._given_up:
            self._begun = True
            await self._send(message)

    def give_up(self) -> bool:
        """Whether the answer has not begun; from now on it is dropped."""
        self._given_up = not self._begun
        return self._given_up

    def free(self) -> None:
        """Let the next one in."""
        if self._held:
            self._held = False
            self._semaphore.release()


async def _refuse(detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    await problem(503, detail, headers=_TRY_AGAIN)(scope, receive, send)
