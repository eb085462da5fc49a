"""What is measured of every answer; routes that are answered past the framework count here too."""

from __future__ import annotations

from prometheus_client import Histogram

seconds = Histogram(
    "gridmap_request_seconds",
    "Time to answer, by route and status.",
    ["route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
