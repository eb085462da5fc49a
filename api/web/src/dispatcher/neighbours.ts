// Who is called across an edge that is near. The service names the cells; who is on duty there is asked at a point just
// over the edge, on a ring of the distance that it gave, so that no database is needed.
import type { Api, Coverage } from "../api";

const DIRECTIONS = 16;
const BEYOND_M = 1.5;
const METRES_PER_DEGREE = 111_320;

/** For each other cell that the place may be in, the answer there; a cell that only touches by a corner may be missed. */
export async function acrossTheEdge(api: Api, answer: Coverage, query: Readonly<Record<string, string>>, stop: AbortSignal): Promise<Coverage[]> {
  const wanted = answer.candidates.filter((each) => each.code !== answer.cell?.code);
  const found = new Map<string, Coverage>();
  for (const { code, distance_m } of wanted) {
    if (found.has(code)) continue;
    const asked = ring(answer.point.lon, answer.point.lat, distance_m + BEYOND_M).map(([lon, lat]) =>
      api.get<Coverage>("v1/coverage", { ...query, lon, lat, crs: "wgs84" }, stop),
    );
    for (const each of await Promise.allSettled(asked)) {
      if (each.status === "fulfilled" && each.value.cell && each.value.cell.code !== answer.cell?.code) {
        if (!found.has(each.value.cell.code)) found.set(each.value.cell.code, each.value);
      }
    }
  }
  return wanted.flatMap(({ code }) => found.get(code) ?? []);
}

function ring(lon: number, lat: number, radius_m: number): (readonly [number, number])[] {
  return Array.from({ length: DIRECTIONS }, (_, i) => {
    const angle = (2 * Math.PI * i) / DIRECTIONS;
    const east = (radius_m * Math.cos(angle)) / (METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180));
    return [lon + east, lat + (radius_m * Math.sin(angle)) / METRES_PER_DEGREE] as const;
  });
}
