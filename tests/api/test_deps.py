"""Parameters read in one way: points, times and keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api.deps import Moment, Service, city_time, to_point
from gridmap.coverage.snapshot import Snapshot
from gridmap.crs import from_wgs84
from gridmap.errors import InvalidInput

Headers = dict[str, str]
CRS = ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4326", "EPSG:4548", "EPSG:3857", "EPSG:27700", "EPSG:4277"]
moment = TypeAdapter(Moment)


@pytest.fixture(scope="module")
def snapshot(client: TestClient, service_of: Callable[[TestClient], Service]) -> Snapshot:
    return service_of(client).state.ready


@given(x=st.floats(), y=st.floats(), crs=st.sampled_from(CRS))
@settings(max_examples=400, deadline=None)
def test_any_pair_is_a_place_on_earth_or_refused(snapshot: Snapshot, x: float, y: float, crs: str) -> None:
    outcome = attempt(x, y, crs, snapshot)
    if isinstance(outcome, InvalidInput):
        assert outcome.field == "lon, lat"
        assert repr(x) in outcome.shown
    else:
        assert abs(outcome[0]) <= 180
        assert abs(outcome[1]) <= 90


def attempt(x: float, y: float, crs: str, snapshot: Snapshot) -> tuple[float, float] | InvalidInput:
    """The point, or why it is none."""
    try:
        return to_point(x, y, crs, snapshot)
    except InvalidInput as error:
        return error


@given(share_x=st.floats(0.001, 0.999), share_y=st.floats(0.001, 0.999), crs=st.sampled_from(CRS[:7]))
@settings(max_examples=100, deadline=None)
def test_a_point_of_the_city_comes_back_and_its_turned_pair_is_refused(
    snapshot: Snapshot, share_x: float, share_y: float, crs: str
) -> None:
    west, south, east, north = snapshot.grid.index.bounds
    lon, lat = west + share_x * (east - west), south + share_y * (north - south)
    x, y = (float(value[0]) for value in from_wgs84(crs, [lon], [lat]))
    found = to_point(x, y, crs, snapshot)
    assert math.dist(found, (lon, lat)) < 1e-8
    with pytest.raises(InvalidInput, match="swapped") as refused:
        to_point(y, x, crs, snapshot)
    assert refused.value.shown == repr((y, x))


@given(name=st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_crs_or_refused(snapshot: Snapshot, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        to_point(1e9, 1e9, name, snapshot)
    assert refused.value.field in ("crs", "lon, lat")


def test_a_time_without_offset_is_city_time(snapshot: Snapshot) -> None:
    expected = datetime(2026, 11, 4, 19, tzinfo=UTC)
    for given_time in (datetime(2026, 11, 5, 3), expected, expected.astimezone(timezone(timedelta(hours=-5)))):  # noqa: DTZ001
        found = city_time("at", given_time, snapshot.city)
        assert found == expected
        assert found.utcoffset() == timedelta(0)


@given(when=st.datetimes(timezones=st.none() | st.timezones()))
@settings(max_examples=300, deadline=None)
def test_any_time_is_read_or_refused_by_name(snapshot: Snapshot, when: datetime) -> None:
    if 1900 <= when.year <= 2999:
        assert city_time("at", when, snapshot.city).tzinfo is UTC
    else:
        with pytest.raises(InvalidInput, match="1900 to 2999") as refused:
            city_time("known_at", when, snapshot.city)
        assert refused.value.field == "known_at"


@pytest.mark.parametrize("offset", ["+08:00", "+0800", "-03:30"])
@pytest.mark.parametrize("clock", ["03:00", "03:00:00", "03:00:00.123"])
def test_a_plus_that_became_a_space_is_put_back(clock: str, offset: str) -> None:
    right = moment.validate_python(f"2026-11-05T{clock}{offset}")
    assert right.utcoffset() is not None
    assert moment.validate_python(f"2026-11-05T{clock}{offset.replace('+', ' ')}") == right


def test_a_space_elsewhere_is_left_alone() -> None:
    assert moment.validate_python("2026-11-05 03:00:00") == datetime(2026, 11, 5, 3)  # noqa: DTZ001


def test_keys_lead_to_their_actor_until_they_end(client: TestClient, key_for: Callable[..., Headers]) -> None:
    roster = "/v1/areas/120101/roster"
    assert client.get(roster).json()["counts"] == "not released"
    now = datetime.now(UTC)
    good = key_for(client, "dispatcher", "120101", expires_at=now + timedelta(hours=1))
    assert client.get(roster, headers=good).json()["counts"] == "staff"
    ended = key_for(client, "dispatcher", "120101", expires_at=now - timedelta(seconds=1))
    unknown = [{"Authorization": f"Bearer {text}"} for text in ("gm_nobody", "\x7f", "a" * 4000)]
    for headers in (ended, *unknown):
        response = client.get(roster, headers=headers)
        assert response.status_code == 401, headers
        assert response.headers["www-authenticate"] == "Bearer"
        assert "gm_" not in response.text


@pytest.mark.parametrize("value", ["Basic Z206Z20=", "Bearer", "Bearer ", "bearer", "", "gm_key"])
def test_other_authorization_is_the_public(client: TestClient, value: str) -> None:
    response = client.get("/v1/areas/120101/roster", headers={"Authorization": value})
    assert response.status_code in (200, 401)
    if response.status_code == 200:
        assert response.json()["counts"] == "not released"


@pytest.mark.parametrize("text", ["149", "20261101", "-1", "1e9", " 7 ", "1.5"])
def test_a_bare_number_is_no_time(client: TestClient, text: str) -> None:
    """It would be a moment of 1970."""
    for path, name in (("/v1/cells/120101001001001", "at"), ("/v1/heatmap?of=incidents", "from")):
        answer = client.get(path, params={"of": "incidents", name: text} if name == "from" else {name: text})
        assert answer.status_code == 422, answer.text
        assert "2026-11-01T00:00:00+08:00" in answer.text
