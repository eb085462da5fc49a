"""Facts on disk: the bases' columns as files named by their content, mapped, so that workers share their memory.

``manifest.json`` names the files that belong together and is replaced in one step. Imports ``columns`` and, for
files, ``coverage.snapshot``.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from gridmap.coverage.snapshot import map_array, read_part, remove_unused, replace_file, write_part
from gridmap.errors import Unavailable
from gridmap.heatmap.columns import SUBJECTS, Columns, Facts, Part, nothing
from gridmap.heatmap.places import Places
from gridmap.model import Category

FORMAT = 1


@dataclass(frozen=True, slots=True)
class _Manifest:
    format: int
    version: int
    revision: int
    kinds: dict[str, tuple[tuple[str, str], ...]]
    declared: dict[str, dict[str, Category]]
    files: dict[str, str]


_manifest_json = TypeAdapter(_Manifest)


def save(facts: Facts, folder: Path, *, alone: bool = False) -> None:
    """Write facts that are compacted; ``alone``: no earlier files stay. Raises OSError when the disk refuses."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {}
    for subject, part in facts.parts.items():
        for name, array in part.base.arrays().items():
            sink = io.BytesIO()
            np.save(sink, array, allow_pickle=False)
            files[f"{subject}-{name}"] = write_part(folder, f"{subject}-{name}", sink.getvalue())
    declared = {subject: dict(each) for subject, each in facts.declared.items()}
    manifest = _Manifest(FORMAT, facts.base_version, facts.revision, dict(facts.kinds), declared, files)
    replace_file(folder / "manifest.json", _manifest_json.dump_json(manifest, indent=1))
    remove_unused(folder, set(files.values()), at_once=alone)


def load(folder: Path, places: Places) -> Facts | None:
    """The facts that stand in ``folder``; None when there are none, or those of another revision.

    Raises Unavailable when a file is missing or is not what the manifest says.
    """
    manifest = _read_manifest(folder)
    if manifest is None or manifest.revision != places.grid.revision.number:
        return None
    parts = {}
    try:
        for subject in SUBJECTS:
            files = {name: manifest.files[f"{subject}-{name}"] for name in nothing().arrays()}
            base = Columns(**{name: map_array(read_part(folder, file)) for name, file in files.items()})  # type: ignore[arg-type]
            parts[subject] = Part(base, nothing(), nothing())
    except (ValueError, KeyError) as error:
        raise Unavailable(f"the facts in {folder} cannot be read: {error}") from error
    return Facts(manifest.version, manifest.version, places, manifest.kinds, manifest.declared, parts)


def _read_manifest(folder: Path) -> _Manifest | None:
    try:
        content = (folder / "manifest.json").read_bytes()
    except FileNotFoundError:
        return None
    try:
        if json.loads(content)["format"] != FORMAT:
            return None  # written by another version of GridMap
        return _manifest_json.validate_json(content)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"the facts' manifest in {folder} cannot be read: {error}") from error
