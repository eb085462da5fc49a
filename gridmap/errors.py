"""What can go wrong, as one tree. Nothing here knows HTTP; ``api/errors.py`` maps classes to statuses.

GridMapError
├── InvalidInput          the value has the wrong shape: names the field, the value and the rule
├── NotFound              no such thing at the revision or time asked for
├── RuleBroken            well formed, but a law or a rule of the city forbids it
│   └── Stale             made from a revision or state that is no longer the current one
├── NotAllowed            the actor may not do this
│   └── NotIdentified     no key, or a key nobody knows
├── NotMeasured           the city has no data for the question
├── Unavailable           cannot answer now, may later
│   └── DatabaseGone      PostGIS does not answer
├── ClusterError          the private PostGIS cluster cannot be made, started or stopped
└── LoadRefused           a load stopped as a whole: wrong file, forbidden columns, not a coverage
"""

__all__ = [
    "ClusterError",
    "DatabaseGone",
    "GridMapError",
    "InvalidInput",
    "LoadRefused",
    "NotAllowed",
    "NotFound",
    "NotIdentified",
    "NotMeasured",
    "RuleBroken",
    "Stale",
    "Unavailable",
]


class GridMapError(Exception):
    """Base of every error that GridMap raises on purpose; its text is meant for the user."""


class InvalidInput(GridMapError):
    """A value of the wrong shape. The text names the field, the value and the rule.

    >>> str(InvalidInput("lon", 412.0, "must lie between -180 and 180"))
    'lon: must lie between -180 and 180, got 412.0'
    """

    def __init__(self, field: str, value: object, rule: str) -> None:
        shown = repr(value)
        if len(shown) > 120:
            shown = f"{shown[:117]}..."
        super().__init__(f"{field}: {rule}, got {shown}")
        self.field = field
        self.rule = rule
        self.shown = shown


class NotFound(GridMapError):
    """No such thing at the revision or time asked for."""


class RuleBroken(GridMapError):
    """Well formed, but a law or a rule of the city forbids it."""


class Stale(RuleBroken):
    """Made from a revision or state that is no longer the current one.

    ``conflicts``: what two changes both touch: its code, a place (lon, lat) in it, and whose changes they are.
    """

    def __init__(self, text: str, conflicts: tuple[tuple[str, tuple[float, float], str], ...] = ()) -> None:
        super().__init__(text)
        self.conflicts = conflicts


class NotAllowed(GridMapError):
    """The actor may not do this."""


class NotIdentified(NotAllowed):
    """No key, or a key nobody knows."""


class NotMeasured(GridMapError):
    """The city has no data for the question."""


class Unavailable(GridMapError):
    """Cannot answer now, may later."""


class DatabaseGone(Unavailable):
    """PostGIS does not answer."""


class ClusterError(GridMapError):
    """The private PostGIS cluster cannot be made, started or stopped; the text says what to do."""


class LoadRefused(GridMapError):
    """A load stopped as a whole: a wrong file, forbidden columns, cells that are not a coverage."""
