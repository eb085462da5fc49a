"""What all tables share: the metadata, codes, geometries and moments."""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import Column, DateTime, MetaData, Text, func, text
from sqlalchemy.dialects.postgresql import TSTZRANGE

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


SRID = 4326


MERCATOR_SRID = 3857


Code = Text(collation="C")


def one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def geometry(kind: str, srid: int = SRID) -> Geometry:
    return Geometry(kind, srid=srid, spatial_index=False)


def moment(name: str, *, default_now: bool = False, nullable: bool = False) -> Column[object]:
    default = func.clock_timestamp() if default_now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def recorded() -> Column[object]:
    return Column("recorded", TSTZRANGE, nullable=False, server_default=text("tstzrange(clock_timestamp(), NULL)"))
