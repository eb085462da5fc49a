// Base maps whose tiles are squares of degrees (EPSG:4490), redrawn into Mercator's squares, which MapLibre knows.
// A source names them by "cgcs2000://https://…/[z]/[x]/[y]#{z}/{x}/{y}". At zoom z such a map has 2^z columns, as Mercator has, and
// rows of the same height in degrees from 90° N on.
import { addProtocol } from "maplibre-gl";

const SIZE = 256;

/** Latitude at a height in Mercator's unit square, 0 at its top. */
export function latitudeAt(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** Row of a tile grid in degrees, as a real number, that a latitude lies in at zoom z. */
export function rowOf(lat: number, z: number): number {
  return ((90 - lat) / 360) * 2 ** z;
}

export function registerCgcs2000(): void {
  addProtocol("cgcs2000", async (request, abort) => {
    const match = /^cgcs2000:\/\/(.*)#(\d+)\/(\d+)\/(\d+)$/.exec(request.url);
    if (!match) throw new Error(`not a tile of a base map: ${request.url}`);
    const [z, x, y] = match.slice(2).map(Number) as [number, number, number];
    return { data: await redraw(match[1]!, z, x, y, abort.signal) };
  });
}

async function redraw(template: string, z: number, x: number, y: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const row = (pixel: number): number => rowOf(latitudeAt((y + pixel / SIZE) / 2 ** z), z);
  const first = Math.floor(row(0)), last = Math.floor(row(SIZE) - 1e-9);
  const pictures = new Map<number, ImageBitmap>();
  await Promise.all(
    Array.from({ length: last - first + 1 }, (_, i) => first + i).map(async (wanted) => {
      const url = template.replace("[z]", String(z)).replace("[x]", String(x)).replace("[y]", String(wanted));
      const response = await fetch(url, { signal });
      if (response.ok) pictures.set(wanted, await createImageBitmap(await response.blob()));
      else if (response.status !== 404 && response.status !== 204) throw new Error(`${url}: ${response.status}`);
    }),
  );
  const canvas = new OffscreenCanvas(SIZE, SIZE);
  const pen = canvas.getContext("2d")!;
  // Across, both grids are the same; down, each line of pixels comes from where its latitude lies.
  for (let pixel = 0; pixel < SIZE; pixel++) {
    const from = row(pixel), height = row(pixel + 1) - from;
    const picture = pictures.get(Math.floor(from));
    if (!picture) continue;
    const inside = from - Math.floor(from);
    const top = Math.min(inside * picture.height, picture.height - 1);
    pen.drawImage(picture, 0, top, picture.width, Math.max(height * picture.height, 1), 0, pixel, SIZE, 1);
  }
  return await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
}
