"""CITY.toml and mappings: the declarative description of files. Imports ``encoding``, ``model`` and below.

Paths are relative to the description (or to another folder given with it). A value is the name of a column,
``{value = …}`` for the same value in every row, ``{column = …, format = …}`` for a time in that format, or
``{column = …, map = {theirs = "ours"}}`` for values to be renamed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from gridmap.crs import check_name
from gridmap.errors import GridMapError, InvalidInput, LoadRefused
from gridmap.ingest.encoding import check_encoding
from gridmap.ingest.level_keys import checked_levels
from gridmap.model import CELL_KINDS, BaseMap, City, Post, PrincipleSettings

Crs = Annotated[str, BeforeValidator(check_name)]
Encoding = Annotated[str, BeforeValidator(check_encoding)]

# The columns in which a file's own geometry comes: of a line or polygon a point on it.
GEOMETRY_X, GEOMETRY_Y = "geometry x", "geometry y"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Strict):
    """Where a field's value comes from: a column, perhaps with a time format or new names, or one value for all.

    With ``map``, a row whose value is not in it is rejected.
    """

    column: str | None = None
    value: Any = None
    format: str | None = None
    map: Mapping[str, str] | None = None


def _value(given: object) -> object:
    return {"column": given} if isinstance(given, str) else given


Source = Annotated[Value, BeforeValidator(_value)]


class Desk(_Strict):
    """The duty desk that answers when nobody nearer does: the last rung of every ladder."""

    title: str
    phone: str


def _timezone(name: object) -> object:
    if not isinstance(name, str) or name not in available_timezones():
        raise ValueError("must be a name of the time zone database, such as Asia/Shanghai")
    return name


class CitySection(_Strict):
    """``[city]``."""

    code: str
    name: str
    name_en: str = ""
    levels: Annotated[tuple[str, ...], AfterValidator(checked_levels)] = Field(min_length=2)
    code_pattern: str
    metric_crs: Crs
    timezone: Annotated[str, BeforeValidator(_timezone)]
    emergency: tuple[str, ...] = Field(min_length=1)
    emergency_categories: tuple[str, ...] = ()
    attribution: str
    stale_after_days: int = 180
    # The smallest counts but 0 that a release shows; of a hidden 1 to 1 all would be known.
    least_people: int = Field(default=10, ge=3, le=1_000_000)
    least_incidents: int = Field(default=3, ge=3, le=1_000_000)
    # Levels at which a draft must be approved before it is published.
    approvals: tuple[str, ...] = ()
    notice: Mapping[str, str] = {}
    duty_desk: Desk


class BaseMapSection(_Strict):
    """``[base_map]``: pictures of the city's own to lie under the styles, see :class:`gridmap.model.BaseMap`."""

    kind: str
    url: str
    crs: str
    approval_number: str = Field(min_length=1)
    attribution: str = ""
    lowest_zoom: int = 0
    highest_zoom: int = 18
    tile_size: int = 256

    @model_validator(mode="after")
    def _check_rules(self) -> BaseMapSection:
        try:
            self.as_base_map()
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return self

    def as_base_map(self) -> BaseMap:
        """As a city's settings hold it."""
        return BaseMap(**self.model_dump())


class PrinciplesSection(_Strict):
    """``[principles]``: see :class:`gridmap.model.PrincipleSettings`; kinds left out keep the default."""

    bands: Mapping[str, tuple[int, int]] = {}
    size_of: str = "households"
    workload: Mapping[str, float] | None = None
    outline_accuracy_m: float = 0.0
    street_share: float = 0.8

    @model_validator(mode="after")
    def _check_rules(self) -> PrinciplesSection:
        try:
            self.as_settings()
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return self

    def as_settings(self) -> PrincipleSettings:
        """As a city's settings hold it."""
        default = PrincipleSettings()
        workload = default.workload if self.workload is None else dict(self.workload)
        bands = {**default.bands, **self.bands}
        return PrincipleSettings(bands, self.size_of, workload, self.outline_accuracy_m, self.street_share)


class RevisionSection(_Strict):
    """``[revision]``: what revision 1 is dated."""

    valid_from: datetime
    note: str = ""


class Layer(_Strict):
    """A file with geometry: its crs, and the EPSG operation to WGS 84 when that must be pinned."""

    file: str
    layer: str | None = None
    crs: Crs
    operation: str | None = None


class Cells(Layer):
    """``[cells]``: the partition. ``kind`` defaults to basic."""

    code: Source
    name: Source
    parent: Source
    kind: Source = Value(value=CELL_KINDS[0])
    services: Source = Value(value=())


class Areas(_Strict):
    """``[[areas]]``: names and parents of areas; rows that say the same twice count once."""

    file: str
    layer: str | None = None
    level: Source
    code: Source
    name: Source
    parent: Source


class Outlines(Layer):
    """``[[outlines]]``: what the law or the statistics office says."""

    level: Source
    code: Source
    name: Source
    source: Source
    date: Source = Value()


class Lines(Layer):
    """``[[lines]]``: street and water centre lines."""

    id: Source
    kind: Source
    name: Source = Value()
    road_class: Source = Value()


class Overlays(Layer):
    """``[overlays]``."""

    code: Source
    name: Source
    kind: Source


class Points(_Strict):
    """A file, or all that a pattern matches, with a point a row, or a small line or polygon.

    Without ``lon`` and ``lat`` the file's own geometry is read. Rows without an id are known by ``period`` and
    line: the file may get another name, its rows must keep their lines.
    """

    file: str
    layer: str | None = None
    encoding: Encoding | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    crs: Crs
    operation: str | None = None
    source: str
    id: Source = Value()
    period: Source = Value()
    lon: Source = Value(column=GEOMETRY_X)
    lat: Source = Value(column=GEOMETRY_Y)
    accuracy_m: Source = Value()
    # An address that the row states: evidence for its crs, and not kept.
    stated_address: Source = Value()

    @model_validator(mode="after")
    def _check_identity(self) -> Points:
        if self.id.column is None and self.period == Value():
            raise ValueError(
                "needs an id, or the period that its rows are of, to be known again when loaded again"
            )
        return self


class Elements(Points):
    """``[[elements]]``."""

    class_: Source = Field(alias="class")
    category: Source
    name: Source = Value()
    building: Source = Value()


class Buildings(Points):
    """``[buildings]``: places with an address and households."""

    source: str = "buildings"
    street: Source = Value()
    number: Source = Value()
    block: Source = Value()
    estate: Source = Value()
    households: Source = Value()
    expected_households: Source = Value()
    counted_on: Source = Value()
    counted_by: Source = Value()


class Incidents(Points):
    """``[[incidents]]``."""

    category: Source
    happened_at: Source
    reported_at: Source = Value()
    closed_at: Source = Value()
    reporter: Source = Value()
    stated_cell: Source = Value()


class Table(_Strict):
    """A plain table; each field is the name of its column, by default the field's own."""

    file: str


class Posts(Table):
    """``[posts]``."""

    code: str = "code"
    kind: str = "kind"
    title: str = "title"
    level: str = "level"
    territory: str = "territory"
    phone: str = "phone"
    required: str = "required"
    department: str = "department"
    categories: str = "categories"


class Holders(Table):
    """``[holders]``."""

    code: str = "code"
    display_name: str = "display_name"


class Shifts(Table):
    """``[shifts]``."""

    post: str = "post"
    holder: str = "holder"
    backup: str = "backup"
    hours: str = "hours"
    valid_from: str = "valid_from"
    valid_until: str = "valid_until"
    verified_at: str = "verified_at"


class ShiftExceptions(Table):
    """``[shift_exceptions]``."""

    post: str = "post"
    kind: str = "kind"
    holder: str = "holder"
    substitute: str = "substitute"
    begins: str = "begins"
    ends: str = "ends"
    verified_at: str = "verified_at"


class Aliases(Table):
    """``[[aliases]]``: former and other names of streets, estates and landmarks."""

    alias: str = "alias"
    name: str = "name"
    note: str = "note"


class Category(_Strict):
    """What a category is called, and for elements its class."""

    zh: str = ""
    en: str = ""
    emergency: bool = False
    class_: str = Field(default="", alias="class")


class Description(_Strict):
    """A whole CITY.toml. What is missing is not measured; an empty city needs ``[city]`` only."""

    city: CitySection
    base_map: BaseMapSection | None = None
    principles: PrinciplesSection = PrinciplesSection()
    revision: RevisionSection | None = None
    cells: Cells | None = None
    areas: tuple[Areas, ...] = ()
    outlines: tuple[Outlines, ...] = ()
    lines: tuple[Lines, ...] = ()
    overlays: Overlays | None = None
    posts: Posts | None = None
    holders: Holders | None = None
    shifts: Shifts | None = None
    shift_exceptions: ShiftExceptions | None = None
    buildings: Buildings | None = None
    aliases: tuple[Aliases, ...] = ()
    elements: tuple[Elements, ...] = ()
    incidents: tuple[Incidents, ...] = ()
    incident_categories: Mapping[str, Category] = {}
    element_categories: Mapping[str, Category] = {}

    def as_city(self) -> City:
        """The city's settings."""
        section = self.city.model_dump(exclude={"duty_desk"})
        base_map = None if self.base_map is None else self.base_map.as_base_map()
        return City(**section, base_map=base_map, principles=self.principles.as_settings())

    def last_desk(self) -> Post:
        """The city's own duty desk as a post."""
        desk = self.city.duty_desk
        return Post(
            code=f"{self.city.code}-desk",
            kind="duty_desk",
            title=desk.title,
            level=self.city.levels[0],
            territory=self.city.code,
            phone=desk.phone,
        )


class PointFiles(_Strict):
    """A mapping: files of points for a city that has its grid; the sections are those of a CITY.toml."""

    buildings: tuple[Buildings, ...] = ()
    elements: tuple[Elements, ...] = ()
    incidents: tuple[Incidents, ...] = ()
    incident_categories: Mapping[str, Category] = {}
    element_categories: Mapping[str, Category] = {}

    @model_validator(mode="after")
    def _check_not_empty(self) -> PointFiles:
        if not (self.buildings or self.elements or self.incidents):
            raise ValueError("describes no file: give [[elements]], [[incidents]] or [[buildings]]")
        return self

    @property
    def sections(self) -> tuple[Points, ...]:
        """All sections in the order in which they are loaded."""
        return (*self.buildings, *self.elements, *self.incidents)


Described = TypeVar("Described", bound=_Strict)


def read_description(path: Path) -> Description:
    """Read a CITY.toml; LoadRefused names every entry that is missing, unknown or of the wrong kind."""
    return _read(path, Description)


def read_mapping(path: Path) -> PointFiles:
    """Read a TOML without ``[city]`` that describes files for a city that has a grid; LoadRefused as above."""
    return _read(path, PointFiles)


def describes_city(path: Path) -> bool:
    """Whether a TOML describes a whole city rather than single files."""
    try:
        return "city" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # read_description says what is wrong


def _read(path: Path, kind: type[Described]) -> Described:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return kind.model_validate(content)
    except OSError as error:
        raise LoadRefused(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path} is not TOML in UTF-8: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:10])
        raise LoadRefused(f"{path}: {faults}") from error
    except GridMapError as error:
        raise LoadRefused(f"{path}: {error}") from error
