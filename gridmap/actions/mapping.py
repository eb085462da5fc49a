"""Reads a description of files of points alone: ``[[buildings]]``, ``[[elements]]`` and ``[[incidents]]``."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gridmap.errors import GridMapError, LoadRefused
from gridmap.ingest.description import Buildings, Elements, Incidents, Points


class _Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    buildings: tuple[Buildings, ...] = ()
    elements: tuple[Elements, ...] = ()
    incidents: tuple[Incidents, ...] = ()


def read_mapping(path: Path) -> list[Points]:
    """The sections in the order in which they are loaded; LoadRefused when the file is not such a description."""
    try:
        mapping = _Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise LoadRefused(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path} is not TOML in UTF-8: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:10])
        raise LoadRefused(f"{path}: {faults}") from error
    except GridMapError as error:
        raise LoadRefused(f"{path}: {error}") from error
    sections: list[Points] = [*mapping.buildings, *mapping.elements, *mapping.incidents]
    if not sections:
        raise LoadRefused(f"{path}: describes nothing; it needs [[elements]], [[incidents]] or [[buildings]]")
    return sections


def is_city(path: Path) -> bool:
    """Whether a description is that of a whole city; False also when it cannot be read."""
    try:
        return "city" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
