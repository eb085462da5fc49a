"""The nouns of GridMap as frozen dataclasses; their docstrings are the glossary.

Pure: imports only ``errors``. Codes are text, times carry an offset, lengths are metres, ``lon, lat`` are
EPSG:4326 degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gridmap.errors import InvalidInput

CELL_KINDS = ("basic", "full_service", "special")
ELEMENT_CLASSES = ("person", "place", "object", "organization")
# What a release counts: incidents by category, elements by class.
RELEASE_SUBJECTS = ("incidents", *ELEMENT_CLASSES)
POST_KINDS = ("first_responsible", "grid_captain", "grid_worker", "duty_desk", "department_liaison")

# What an address may be, and what its name may belong to.
ADDRESS_KINDS = ("street", "number", "block", "landmark", "crossing", "overlay", "area")
NAME_KINDS = ("street", "estate", "landmark", "overlay", "area", "alias")

# The levels a post may stand at besides the city's own levels.
CELL_LEVEL = "cell"
OVERLAY_LEVEL = "overlay"

# A closed list: DESIGN's Privacy. Purpose, legal basis and retention stand in ``data/person_categories.toml``.
PERSON_CATEGORIES = ("resident", "elderly_living_alone", "mobility_help", "child")

# What persons may be listed for, and of which categories then. The needs are told by who has to meet them only.
PERSON_PURPOSES = {
    "visit": ("elderly_living_alone", "mobility_help"),
    "heat_cold_power": ("elderly_living_alone",),
    "evacuation": PERSON_CATEGORIES,
    "errand": ("mobility_help",),
    "care_and_school": ("child",),
    "correction": PERSON_CATEGORIES,
}

# What a draft may be, and the checks of its certificate that may be waived.
DRAFT_STATES = ("open", "submitted", "returned", "approved", "scheduled", "published", "discarded")
WAIVABLE = ("size_band", "street_share", "staffed")

ROLES = (
    "public",
    "viewer",
    "dispatcher",
    "caseworker",
    "planner",
    "approver",
    "publisher",
    "auditor",
    "key_admin",
    "system_admin",
)


# The tile grids of base maps, and the crs in which GridMap's tiles must come to lie right on each.
BASE_MAP_CRS = {"EPSG:3857": "wgs84", "cgcs2000": "wgs84", "gcj02": "gcj02", "bd09": "bd09"}
# A WMTS template's places, and what a client of z/x/y calls them.
_WMTS_PLACES = {"{TileMatrix}": "{z}", "{TileCol}": "{x}", "{TileRow}": "{y}"}


@dataclass(frozen=True, slots=True)
class BaseMap:
    """A city's own base map: pictures in tiles, with the number under which the map was approved (审图号).

    ``url`` is a template with ``{z}/{x}/{y}`` (``kind`` xyz) or ``{TileMatrix}``, ``{TileCol}`` and ``{TileRow}``
    (wmts). ``crs`` is that of the tile grid: ``EPSG:3857``; ``cgcs2000``, whose tiles are squares of degrees
    (EPSG:4490); ``gcj02`` or ``bd09``: Mercator's squares over shifted longitudes and latitudes.
    """

    kind: str
    url: str
    crs: str
    approval_number: str
    attribution: str = ""
    lowest_zoom: int = 0
    highest_zoom: int = 18
    tile_size: int = 256

    def __post_init__(self) -> None:
        if self.crs not in BASE_MAP_CRS:
            raise InvalidInput("base_map.crs", self.crs, f"must be one of {', '.join(BASE_MAP_CRS)}")
        places = {"xyz": tuple(_WMTS_PLACES.values()), "wmts": tuple(_WMTS_PLACES)}.get(self.kind)
        if places is None:
            raise InvalidInput("base_map.kind", self.kind, "must be xyz or wmts")
        if not self.url.startswith(("http://", "https://")) or any(char in self.url for char in " \"'<>;,"):
            raise InvalidInput("base_map.url", self.url, "must be an http address without blanks and quotes")
        if "{" in self.origin:
            raise InvalidInput("base_map.url", self.url, "must name one host; GridMap knows no {s}")
        if any(self.url.count(place) != 1 for place in places):
            raise InvalidInput("base_map.url", self.url, f"must have each of {', '.join(places)} once")
        if not 0 <= self.lowest_zoom <= self.highest_zoom <= 24:
            raise InvalidInput("base_map.lowest_zoom", self.lowest_zoom, "zooms run from 0 to 24")
        if self.tile_size not in (256, 512):
            raise InvalidInput("base_map.tile_size", self.tile_size, "must be 256 or 512 pixels")

    @property
    def xyz(self) -> str:
        """The template in the places that clients of z/x/y know."""
        url = self.url
        for theirs, ours in _WMTS_PLACES.items():
            url = url.replace(theirs, ours)
        return url

    @property
    def tile_crs(self) -> str:
        """The crs in which tiles must come to lie right on this map."""
        return BASE_MAP_CRS[self.crs]

    @property
    def origin(self) -> str:
        """Scheme and host, as a page's content security policy names them."""
        return "/".join(self.url.split("/")[:3])


# What a cell's workload may be made of: its households, its elements by class, its open incidents.
WORKLOAD_PARTS = ("households", *ELEMENT_CLASSES, "open_incidents")


def _default_bands() -> dict[str, tuple[int, int]]:
    return dict.fromkeys(CELL_KINDS, (150, 500))


def _default_workload() -> dict[str, float]:
    return {"households": 1.0, "place": 0.5, "object": 0.1, "organization": 2.0}


@dataclass(frozen=True, slots=True)
class PrincipleSettings:
    """What a city asks of its cells where DESIGN leaves it to the city.

    ``bands``: by kind the least and the most of ``size_of`` (``households`` or ``workload``) that a cell should
    have. ``workload``: the weight of each part in the sum. ``outline_accuracy_m``: how far off the outlines from
    outside may be; what the grid lacks or has too much within that is no fault. ``street_share``: how much of the
    boundary that a draft draws anew must run along streets or water.
    """

    bands: Mapping[str, tuple[int, int]] = field(default_factory=_default_bands)
    size_of: str = "households"
    workload: Mapping[str, float] = field(default_factory=_default_workload)
    outline_accuracy_m: float = 0.0
    street_share: float = 0.8

    def __post_init__(self) -> None:
        for kind, band in self.bands.items():
            if kind not in CELL_KINDS:
                raise InvalidInput("principles.bands", kind, f"must be one of {', '.join(CELL_KINDS)}")
            if not 0 <= band[0] <= band[1]:
                raise InvalidInput(f"principles.bands.{kind}", band, "must be the least and the most, least first")
        if self.size_of not in ("households", "workload"):
            raise InvalidInput("principles.size_of", self.size_of, "must be households or workload")
        for part, weight in self.workload.items():
            if part not in WORKLOAD_PARTS:
                raise InvalidInput("principles.workload", part, f"must be one of {', '.join(WORKLOAD_PARTS)}")
            if not 0 <= weight < 1e6:
                raise InvalidInput(f"principles.workload.{part}", weight, "must be 0 or more")
        if not 0 <= self.outline_accuracy_m < 1e6:
            raise InvalidInput(
                "principles.outline_accuracy_m", self.outline_accuracy_m, "must be 0 or more metres"
            )
        if not 0 <= self.street_share <= 1:
            raise InvalidInput("principles.street_share", self.street_share, "must be from 0 to 1")

    @property
    def formula(self) -> str:
        """The workload as it is shown: ``1·households + 0.5·place``."""
        parts = [(part, self.workload.get(part, 0.0)) for part in WORKLOAD_PARTS]
        return " + ".join(f"{weight:g}·{part}" for part, weight in parts if weight)


@dataclass(frozen=True, slots=True)
class City:
    """One city's settings. ``levels`` run from the city down to the community, which holds the cells.

    ``least_people`` and ``least_incidents`` are the smallest counts but 0 that a release shows. ``approvals``: the
    levels at which a draft must be approved, by each area that it changes, before it is published.
    """

    code: str
    name: str
    levels: tuple[str, ...]
    code_pattern: str
    metric_crs: str
    timezone: str
    emergency: tuple[str, ...]
    attribution: str
    notice: Mapping[str, str] = field(default_factory=dict)
    name_en: str = ""
    stale_after_days: int = 180
    emergency_categories: tuple[str, ...] = ()
    base_map: BaseMap | None = None
    least_people: int = 10
    least_incidents: int = 3
    approvals: tuple[str, ...] = ()
    principles: PrincipleSettings = field(default_factory=PrincipleSettings)

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone; a time given without offset is read in it."""
        return ZoneInfo(self.timezone)

    @property
    def lowest_level(self) -> str:
        """The level that holds the cells: ``community`` in Tianjin, ``msoa`` in London."""
        return self.levels[-1]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a key's owner or a command's user, with one role over some territories (area or cell codes)."""

    id: str
    role: str
    territories: tuple[str, ...] = ()


PUBLIC = Actor(id="public", role="public")


@dataclass(frozen=True, slots=True)
class Revision:
    """One published state of the whole grid."""

    number: int
    valid_from: datetime
    published_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """An administrative area at one of the city's levels; the parent is explicit, None for the city."""

    code: str
    level: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One grid cell 网格: the smallest unit, inside one community. ``id`` is never used again."""

    id: int
    code: str
    name: str
    kind: str
    community: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlay:
    """A polygon with its own posts that is not part of the partition: a business district, a scenic area."""

    code: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """A weekly rule in city time: on ``weekdays`` (bit 0 = Monday) from minute ``starts`` for ``minutes``.

    The text form is ``1-5 08:00-20:00``: ISO weekdays, then a span; a span that ends at or before its start
    runs into the next day, ``00:00-24:00`` is the whole day. Several rules are parted by ``;``.
    """

    weekdays: int
    starts: int
    minutes: int

    def __post_init__(self) -> None:
        if not 0 < self.weekdays < 128:
            raise InvalidInput("weekdays", self.weekdays, "must be a mask of seven days, 1 to 127")
        if not 0 <= self.starts < 1440:
            raise InvalidInput("starts", self.starts, "must be a minute of the day, 0 to 1439")
        if not 0 < self.minutes <= 1440:
            raise InvalidInput("minutes", self.minutes, "must be 1 to 1440")

    @classmethod
    def parse(cls, text: str) -> tuple[WeeklyHours, ...]:
        """Read the text form.

        >>> WeeklyHours.parse("1-5 20:00-08:00")
        (WeeklyHours(weekdays=31, starts=1200, minutes=720),)
        """
        rules = []
        for part in text.split(";"):
            days, _, span = part.strip().partition(" ")
            begin, dash, end = span.strip().partition("-")
            if not dash:
                raise InvalidInput("hours", text, "must look like '1-5 08:00-20:00'")
            starts, ends = _minute(begin, text), _minute(end, text)
            rules.append(cls(_weekday_mask(days, text), starts % 1440, (ends - starts - 1) % 1440 + 1))
        return tuple(rules)

    def __str__(self) -> str:
        days = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in _runs(self.weekdays))
        ends = self.starts + self.minutes
        ends = ends if ends == 1440 else ends % 1440
        return f"{days} {self.starts // 60:02d}:{self.starts % 60:02d}-{ends // 60:02d}:{ends % 60:02d}"


def _runs(weekdays: int) -> list[tuple[int, int]]:
    """The mask's runs of consecutive days, as first and last ISO weekday."""
    runs: list[tuple[int, int]] = []
    for day in range(1, 8):
        if weekdays >> (day - 1) & 1:
            if runs and runs[-1][1] == day - 1:
                runs[-1] = (runs[-1][0], day)
            else:
                runs.append((day, day))
    return runs


def _minute(text: str, whole: str) -> int:
    hour, colon, minute = text.strip().partition(":")
    if not (colon and hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()):
        raise InvalidInput("hours", whole, "times must look like 08:00")
    value = int(hour) * 60 + int(minute)
    if int(minute) > 59 or value > 1440:
        raise InvalidInput("hours", whole, "times run from 00:00 to 24:00")
    return value


def _weekday_mask(text: str, whole: str) -> int:
    mask = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        last = last or first
        if not (first in set("1234567") and last in set("1234567") and first <= last):
            raise InvalidInput("hours", whole, "weekdays are 1 (Monday) to 7, such as 1-5 or 1,3,6-7")
        for day in range(int(first), int(last) + 1):
            mask |= 1 << (day - 1)
    return mask


@dataclass(frozen=True, slots=True)
class Post:
    """A duty position for a cell, an area or an overlay.

    ``level`` is ``cell``, ``overlay`` or one of the city's levels, ``territory`` the code there. ``required``
    are the hours in which somebody must be on shift (empty: none). ``department`` and ``categories`` belong to
    department liaisons: whom to call for which category of incident.
    """

    code: str
    kind: str
    title: str
    level: str
    territory: str
    phone: str
    required: tuple[WeeklyHours, ...] = ()
    department: str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who may hold a post, by the display name that stands on the wall."""

    code: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A weekly rule that a holder keeps for a post from ``valid_from`` to ``valid_until`` (both inclusive)."""

    post: str
    holder: str
    hours: WeeklyHours
    valid_from: date
    valid_until: date | None = None
    backup: str | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShiftException:
    """A dated exception to a post's weekly rules, from ``begins`` to ``ends`` (half open).

    ``leave``: ``holder`` is away and ``substitute`` (or, when None, the shift's backup) stands in.
    ``swap``: ``substitute`` takes the turns of ``holder``. ``extra``: ``substitute`` is on duty besides.
    So leave and swap name a holder, swap and extra a substitute.
    """

    post: str
    kind: str
    begins: datetime
    ends: datetime
    holder: str | None = None
    substitute: str | None = None
    verified_at: datetime | None = None


EXCEPTION_KINDS = ("leave", "swap", "extra")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """An input row that was not taken: its file, line and reason, and its columns with personal numbers masked."""

    file: str
    line: int
    reason: str
    columns: Mapping[str, str]


@dataclass
class LoadCounts:
    """What became of the rows of a load: law 4 says that placed, outside and rejected add up to rows.

    Of points, inserted, updated and unchanged add up to placed and outside; moved are those of the updated whose
    point is another one, duplicates those of the rejected whose id stands in the same load before.
    """

    rows: int = 0
    placed: int = 0
    outside: int = 0
    rejected: int = 0
    inserted: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    duplicates: int = 0

    @property
    def changed(self) -> int:
        """How many rows changed something."""
        return self.inserted + self.updated


@dataclass(frozen=True, slots=True)
class Load:
    """The record of one load; ``territories`` are those of the actor, who could write nowhere else."""

    id: int
    what: str
    source: str
    file: str
    actor: str
    territories: tuple[str, ...]
    started_at: datetime
    counts: LoadCounts


@dataclass(frozen=True, slots=True)
class Category:
    """A category of elements (of one class) or of incidents that the city declares."""

    what: str
    code: str
    label: str
    label_en: str = ""
    class_: str | None = None
    emergency: bool = False
