"""Which way streets run: a smooth made-up field; imports chords, plane and targets."""

from __future__ import annotations

import math

import numpy as np

from data.tianjin.chords import following
from data.tianjin.plane import Floats
from data.tianjin.targets import generator

# Weight of the field against the sides of a face, per level of lines from district to block.
_OWN_WEIGHT = (0.6, 0.45, 0.3, 0.12, 0.05)


class DirectionField:
    """The direction of streets: a smooth field over the plane, bent toward the sides of the face at hand."""

    def __init__(self, seed: int) -> None:
        """Draw the field by seed."""
        random = generator(seed, "0", 2)
        count = 10
        lengths = np.geomspace(5_000.0, 60_000.0, count)
        headings = random.random(count) * 2 * math.pi
        self.waves = np.column_stack((np.cos(headings), np.sin(headings))) * (2 * math.pi / lengths)[:, None]
        self.phases = random.random(count) * 2 * math.pi

    def at(self, x: float, y: float) -> float:
        """Direction in radians at a point of the plane."""
        return 0.35 + 0.2 * float(np.sin(self.waves @ np.array([x, y]) + self.phases).sum())

    def street_angle(self, points: Floats, level: int) -> float:
        """Direction for a cut of the face ``points``: the lower the level, the more its sides decide.

        Radians, modulo a right angle: the mean of the angles taken four times, weighted by length.
        """
        sides = following(points) - points
        lengths = np.hypot(sides[:, 0], sides[:, 1])
        angles = np.arctan2(sides[:, 1], sides[:, 0])
        middle = points.mean(axis=0)
        own = _OWN_WEIGHT[level] * float(lengths.sum())
        field_angle = self.at(float(middle[0]), float(middle[1]))
        x = float((lengths * np.cos(4 * angles)).sum()) + own * math.cos(4 * field_angle)
        y = float((lengths * np.sin(4 * angles)).sum()) + own * math.sin(4 * field_angle)
        return math.atan2(y, x) / 4
