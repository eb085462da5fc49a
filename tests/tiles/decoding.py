"""Reads vector tiles ring by ring as integers: no library's repairs come between the tile and the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from mapbox_vector_tile.Mapbox import vector_tile_pb2

Ring = np.ndarray


@dataclass(frozen=True)
class Feature:
    """A feature: its id, its properties, its type (1 point, 2 line, 3 polygon) and its parts in tile units."""

    id: int
    properties: dict[str, Any]
    type: int
    parts: list[Ring]

    @property
    def doubled_area(self) -> int:
        """Twice the signed area of all rings: exteriors count positive where y runs down, holes negative."""
        return sum(doubled_area(ring) for ring in self.parts)


def decode(content: bytes) -> dict[str, list[Feature]]:
    """Layer name -> its features."""
    tile = vector_tile_pb2.tile()
    tile.ParseFromString(content)
    found = {}
    for layer in tile.layers:
        assert (layer.version, layer.extent) == (2, 4096)
        values = [_value(each) for each in layer.values]
        found[layer.name] = [_feature(layer, values, each) for each in layer.features]
    return found


class Around:
    """The features of one tile, asked for points."""

    def __init__(self, features: list[Feature]) -> None:
        self._features = features
        boxes = [np.concatenate([each.parts[0].min(0), each.parts[0].max(0)]) for each in features]
        for box, each in zip(boxes, features, strict=True):
            for part in each.parts[1:]:
                box[:2], box[2:] = np.minimum(box[:2], part.min(0)), np.maximum(box[2:], part.max(0))
        self._boxes = np.array(boxes).reshape(-1, 4)

    def at(self, x: float, y: float) -> dict[int, int]:
        """Feature id -> how often its rings go around a point, of those that do."""
        west, south, east, north = self._boxes.T
        near = np.flatnonzero((west <= x) & (east >= x) & (south <= y) & (north >= y))
        found = {self._features[at].id: winding(self._features[at], x, y) for at in near.tolist()}
        return {feature: times for feature, times in found.items() if times}


def doubled_area(ring: Ring) -> int:
    """Twice the signed area, by the surveyor's formula, exactly."""
    x, y = ring[:, 0], ring[:, 1]
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def winding(feature: Feature, x: float, y: float) -> int:
    """How often the feature's rings go around a point that is on none of them."""
    total = 0
    for ring in feature.parts:
        x0, y0 = ring[:, 0].astype(float), ring[:, 1].astype(float)
        x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
        side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
        total += int(((y0 <= y) & (y1 > y) & (side > 0)).sum()) - int(((y0 > y) & (y1 <= y) & (side < 0)).sum())
    return total


def _feature(layer: Any, values: list[Any], feature: Any) -> Feature:
    tags = iter(feature.tags)
    properties = {layer.keys[key]: values[value] for key, value in zip(tags, tags, strict=True)}
    return Feature(feature.id, properties, feature.type, list(_parts(list(feature.geometry))))


def _value(value: Any) -> Any:
    ((field, held),) = value.ListFields()
    assert field.name.endswith("_value")
    return held


def _parts(commands: list[int]) -> Iterator[Ring]:
    at, x, y = 0, 0, 0
    points: list[tuple[int, int]] = []
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == 7:
            continue
        if command == 1 and points:
            yield np.array(points, np.int64)
            points = []
        for _ in range(count):
            x += (commands[at] >> 1) ^ -(commands[at] & 1)
            y += (commands[at + 1] >> 1) ^ -(commands[at + 1] & 1)
            at += 2
            points.append((x, y))
    if points:
        yield np.array(points, np.int64)
