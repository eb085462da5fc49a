// Base maps in other tile grids, redrawn into Mercator's squares over WGS 84, which MapLibre and GridMap's tiles have.
// A source names them by their crs: "gcj02://https://…/[z]/[x]/[y]#{z}/{x}/{y}".
//
// cgcs2000: tiles are squares of degrees (EPSG:4490). Across, both grids are the same; down, each line of pixels comes
// from where its latitude lies. gcj02, bd09: Mercator's squares over shifted coordinates. Within a tile the shift varies
// by less than 0.003 of the tile's side, so that one shift, that of its middle, is right for all of it.
import { addProtocol } from "maplibre-gl";
import { bd09FromGcj02, gcj02FromWgs84, type Place } from "./shifts";

const SIZE = 256;
const SHIFTS: Record<string, (place: Place) => Place> = {
  gcj02: gcj02FromWgs84,
  bd09: (place) => bd09FromGcj02(gcj02FromWgs84(place)),
};

/** Latitude at a height in Mercator's unit square, 0 at its top. */
function latitudeAt(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** Height in Mercator's unit square of a latitude. */
function heightOf(lat: number): number {
  return (1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2;
}

export function registerBaseMaps(): void {
  for (const crs of ["cgcs2000", ...Object.keys(SHIFTS)]) {
    addProtocol(crs, async (request, abort) => {
      const match = /^\w+:\/\/(.*)#(\d+)\/(\d+)\/(\d+)$/.exec(request.url);
      if (!match) throw new Error(`not a tile of a base map: ${request.url}`);
      const [z, x, y] = match.slice(2).map(Number) as [number, number, number];
      const tiles = new Tiles(match[1]!, z, abort.signal);
      const shift = SHIFTS[crs];
      const canvas = shift ? await shifted(tiles, z, x, y, shift) : await fromDegrees(tiles, z, x, y);
      return { data: await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer() };
    });
  }
}

/** The pictures of a base map at one zoom; null where it has none. */
class Tiles {
  constructor(private readonly template: string, private readonly z: number, private readonly signal: AbortSignal) {}

  async at(x: number, y: number): Promise<ImageBitmap | null> {
    const places: Record<string, number> = { z: this.z, x, y };
    const url = this.template.replace(/\[([zxy])\]/g, (_, place: string) => String(places[place]));
    const response = await fetch(url, { signal: this.signal });
    if (response.status === 404 || response.status === 204) return null;
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    return createImageBitmap(await response.blob());
  }
}

/** A tile put together from the four that its shifted square touches. */
async function shifted(
  tiles: Tiles, z: number, x: number, y: number, shift: (place: Place) => Place,
): Promise<OffscreenCanvas> {
  const count = 2 ** z;
  const [lon, lat] = shift([((x + 0.5) / count) * 360 - 180, latitudeAt((y + 0.5) / count)]);
  const left = ((lon + 180) / 360) * count - 0.5, top = heightOf(lat) * count - 0.5;
  const canvas = new OffscreenCanvas(SIZE, SIZE), pen = canvas.getContext("2d")!;
  const corners = [0, 1].flatMap((east) => [0, 1].map((south) => [Math.floor(left) + east, Math.floor(top) + south]));
  await Promise.all(
    corners.map(async ([column, row]) => {
      const picture = await tiles.at(column!, row!);
      if (picture) pen.drawImage(picture, (column! - left) * SIZE, (row! - top) * SIZE, SIZE, SIZE);
    }),
  );
  return canvas;
}

/** A tile from squares of degrees: at zoom z 2^z columns, rows of the same height in degrees from 90° N on. */
async function fromDegrees(tiles: Tiles, z: number, x: number, y: number): Promise<OffscreenCanvas> {
  const count = 2 ** z;
  const row = (pixel: number): number => ((90 - latitudeAt((y + pixel / SIZE) / count)) / 360) * count;
  const first = Math.floor(row(0)), last = Math.floor(row(SIZE) - 1e-9);
  const pictures = await Promise.all(Array.from({ length: last - first + 1 }, (_, i) => tiles.at(x, first + i)));
  const canvas = new OffscreenCanvas(SIZE, SIZE), pen = canvas.getContext("2d")!;
  for (let pixel = 0; pixel < SIZE; pixel++) {
    const from = row(pixel), height = row(pixel + 1) - from;
    const picture = pictures[Math.floor(from) - first];
    if (!picture) continue;
    const top = Math.min((from - Math.floor(from)) * picture.height, picture.height - 1);
    pen.drawImage(picture, 0, top, picture.width, Math.max(height * picture.height, 1), 0, pixel, SIZE, 1);
  }
  return canvas;
}
