"""Opens connections, sets the actor on each transaction, and turns driver errors into domain errors.

Imports only ``access``, ``acting``, ``model`` and ``errors``.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import psycopg2
from psycopg2 import errorcodes
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gridmap.access import Action
from gridmap.acting import acting_from
from gridmap.errors import DatabaseGone, InvalidInput, NotAllowed, RuleBroken, Unavailable
from gridmap.model import Actor

__all__ = ["Connection", "Database"]

logger = logging.getLogger(__name__)

STATEMENT_TIMEOUT_S = 30

# Violations that an actor can cause, by SQLSTATE; everything else is a defect and stays what it is.
_RULES = {
    errorcodes.UNIQUE_VIOLATION: "it exists already",
    errorcodes.EXCLUSION_VIOLATION: "it overlaps one that exists already",
    errorcodes.FOREIGN_KEY_VIOLATION: "it names something that does not exist",
    errorcodes.CHECK_VIOLATION: "it breaks a rule of the table",
    errorcodes.NOT_NULL_VIOLATION: "a value must stand there",
}
_TRY_AGAIN = {
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.LOCK_NOT_AVAILABLE,
}
# Only for the transaction, so that nothing of it is left on a pooled connection.
_SET_ACTOR = text("SELECT set_config('gridmap.actor', :actor, true)")
_SET_BOTH = text("SELECT set_config('gridmap.actor', :actor, true), set_config('gridmap.acting', :acting, true)")
_TEXT_RULE = "must be UTF-8 without NUL bytes"


class Database:
    """A pool of connections to one city's database."""

    def __init__(self, url: str | URL, pool_size: int = 8) -> None:
        self.url = make_url(url)
        self.engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            hide_parameters=True,  # an error in the log shows no coordinates
            connect_args={"connect_timeout": 3, "application_name": "gridmap"},
        )
        event.listen(self.engine, "connect", _prepare_session)

    def begin(
        self, actor: Actor, *doing: Action, long_work: bool = False, one_state: bool = False
    ) -> AbstractContextManager[Connection]:
        """One transaction in which ``actor`` is set; commits at the end, rolls back on any error.

        The function that begins it is the action that the trace names: so none can forget to say what it does.
        ``doing`` says what for: some rows are seen and written only for an action that needs them, by a role that
        may take it; the database knows the roles' rights itself. ``long_work`` lifts the statement timeout, for
        loads and checks; with ``one_state`` all statements see the database as the first one does. Raises
        DatabaseGone when PostGIS does not answer, RuleBroken when a constraint refuses the change, NotAllowed when
        a policy does, Unavailable when all connections are busy.
        """
        caller = sys._getframe(1)
        action = f"{caller.f_globals['__name__'].removeprefix('gridmap.')}.{caller.f_code.co_qualname}"
        return self._begin(actor, doing, action, long_work, one_state)

    @contextmanager
    def _begin(
        self, actor: Actor, doing: Sequence[Action], action: str, long_work: bool, one_state: bool
    ) -> Iterator[Connection]:
        acting = {"action": action} | ({} if acting_from() is None else {"from": acting_from()})
        with _domain_errors(), self.engine.begin() as connection:
            if one_state:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            connection.execute(_SET_BOTH, {"actor": _said(actor, doing), "acting": json.dumps(acting)})
            if long_work:
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """A connection for single statements that only read what anybody may see, each a transaction by itself.

        No actor is set, so the policies show it what the public sees. Two ways to the database and back instead of
        five: for what is asked thousands of times. Raises what :meth:`begin` does.
        """
        with _domain_errors(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def dispose(self) -> None:
        """Close all idle connections."""
        self.engine.dispose()


def set_actor(connection: Connection, actor: Actor, *doing: Action) -> None:
    """Let policies take the rest of the transaction for an actor's: functions ``actor_…`` of the migrations."""
    connection.execute(_SET_ACTOR, {"actor": _said(actor, doing)})


def _said(actor: Actor, doing: Sequence[Action]) -> str:
    said: dict[str, object] = {"id": actor.id, "role": actor.role, "territories": list(actor.territories)}
    if actor.unbound:
        said["unbound"] = True
    if doing:
        said["doing"] = [action.name for action in doing]
    return json.dumps(said)


def _prepare_session(connection: object, _record: object) -> None:
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'; SET timezone = 'UTC'")
    connection.commit()  # type: ignore[attr-defined]


@contextmanager
def _domain_errors() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("all database connections are busy; try again in a moment") from error
    except DBAPIError as error:
        _raise_domain(error, error.orig, gone=error.connection_invalidated)
    except psycopg2.Error as error:
        _raise_domain(error, error)  # COPY speaks to the driver itself
    except ValueError as error:
        if isinstance(error, UnicodeEncodeError) or "NUL" in str(error):  # the driver's own words
            raise InvalidInput("text", "…", _TEXT_RULE) from error
        raise


def _raise_domain(error: Exception, driver: BaseException | None, *, gone: bool = False) -> None:
    code = getattr(driver, "pgcode", None)
    if code == errorcodes.QUERY_CANCELED:
        raise Unavailable(f"the query took longer than {STATEMENT_TIMEOUT_S} s and was stopped") from error
    if code in _TRY_AGAIN:
        raise Unavailable("another change was under way at the same time; try again") from error
    if code in _RULES:
        diagnostics = getattr(driver, "diag", None)
        name = getattr(diagnostics, "constraint_name", None) or getattr(diagnostics, "column_name", None) or ""
        raise RuleBroken(f"refused by the rule {name}: {_RULES[code]}") from error
    if code == errorcodes.INSUFFICIENT_PRIVILEGE:
        # No values in it, and of interest: what comes before the policies should have refused it.
        logger.warning("the database refused: %s", getattr(getattr(driver, "diag", None), "message_primary", ""))
        raise NotAllowed("the database's own rules do not let you do this") from error
    if code == errorcodes.CHARACTER_NOT_IN_REPERTOIRE:
        raise InvalidInput("text", "…", _TEXT_RULE) from error
    if gone or isinstance(driver, psycopg2.OperationalError | psycopg2.InterfaceError):
        raise DatabaseGone("PostGIS does not answer") from error
    raise error
