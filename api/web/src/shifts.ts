// GCJ-02 and BD-09, as gridmap/crs.py has them; a test holds both against each other.

/** Longitude and latitude in degrees. */
export type Place = readonly [lon: number, lat: number];

const AXIS_M = 6_378_245, ECCENTRICITY_2 = 0.00669342162296594323;
const BD_TURN = (Math.PI * 3000) / 180;

function waves(value: number, ...terms: readonly (readonly [amplitude: number, period: number])[]): number {
  return terms.reduce((sum, [amplitude, period]) => sum + amplitude * Math.sin((value / period) * Math.PI), 0) * (2 / 3);
}

export function gcj02FromWgs84([lon, lat]: Place): Place {
  if (lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) return [lon, lat];
  const x = lon - 105, y = lat - 35, root = Math.sqrt(Math.abs(x));
  const both = waves(x, [20, 1 / 6], [20, 1 / 2]);
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    + waves(y, [20, 1], [40, 3], [160, 12], [320, 30]);
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    + waves(x, [20, 1], [40, 3], [150, 12], [300, 30]);
  const phi = (lat * Math.PI) / 180, magic = 1 - ECCENTRICITY_2 * Math.sin(phi) ** 2;
  const meridian = (AXIS_M * (1 - ECCENTRICITY_2)) / (magic * Math.sqrt(magic));
  const parallel = (AXIS_M / Math.sqrt(magic)) * Math.cos(phi);
  return [lon + (east * 180) / (parallel * Math.PI), lat + (north * 180) / (meridian * Math.PI)];
}

export function bd09FromGcj02([lon, lat]: Place): Place {
  const radius = Math.hypot(lon, lat) + 0.00002 * Math.sin(lat * BD_TURN);
  const angle = Math.atan2(lat, lon) + 0.000003 * Math.cos(lon * BD_TURN);
  return [radius * Math.cos(angle) + 0.0065, radius * Math.sin(angle) + 0.006];
}

/** The WGS 84 place that a GCJ-02 or BD-09 pair is of: the shift is undone step by step, to less than a millimetre. */
export function wgs84From(crs: "gcj02" | "bd09", [lon, lat]: Place): Place {
  let place: Place = [lon, lat];
  for (let step = 0; step < 8; step++) {
    const gcj = gcj02FromWgs84(place);
    const [x, y] = crs === "gcj02" ? gcj : bd09FromGcj02(gcj);
    place = [place[0] + lon - x, place[1] + lat - y];
  }
  return place;
}
