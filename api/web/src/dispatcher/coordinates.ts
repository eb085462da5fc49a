// Reads coordinates as people paste them: pairs in any order, degrees and minutes, map links, full-width characters.
// Pure. What it cannot know, the coordinate system above all, it leaves open.

/** west, south, east, north in degrees. */
export type Box = readonly [west: number, south: number, east: number, north: number];

export interface Pair {
  readonly lon: number;
  readonly lat: number;
  /** What the text or the link itself says they are in; null: somebody must say. */
  readonly crs: string | null;
  /** Whether the text had latitude first; labelled: although it called that the longitude. */
  readonly turned: "no" | "latitude_first" | "labels_swapped";
}

type Axis = "lon" | "lat" | null;

interface Figure {
  readonly value: number;
  readonly axis: Axis;
}

const CRS_WORDS: readonly (readonly [RegExp, string])[] = [
  [/gcj[-\s]?0?2|火星坐标系?|高德(地图)?|腾讯(地图)?|\bamap\b/gi, "gcj02"],
  [/bd[-\s]?0?9(ll)?|百度(地图)?|\bbaidu\b/gi, "bd09"],
  [/cgcs[-\s]?2000|国家2000|2000坐标系?|天地图|epsg:4490/gi, "cgcs2000"],
  [/wgs[-\s]?(19)?84|\bgps\b|epsg:4326/gi, "wgs84"],
];

// Whose map a link is of; of the others in China nobody can know which of their systems was copied.
const CRS_HOSTS: readonly (readonly [RegExp, string])[] = [
  [/amap\.com|gaode\.com|autonavi|map\.qq\.com|apis\.map\.qq|qqmap:|amapuri:/i, "gcj02"],
  [/baidu\.com|baidumap:/i, "bd09"],
  [/tianditu/i, "cgcs2000"],
  [/openstreetmap|osm\.org|^geo:/i, "wgs84"],
];

const NUMBER = "[-+]?\\d{1,8}(?:\\.\\d+)?";
const IN_LINK: readonly RegExp[] = [
  new RegExp(`!3d(?<lat>${NUMBER})!4d(?<lon>${NUMBER})`),
  new RegExp(`mlat=(?<lat>${NUMBER}).*?mlon=(?<lon>${NUMBER})`, "i"),
  new RegExp(`[?&;#/]lat(?:itude)?=(?<lat>${NUMBER}).*?[?&;]l(?:ng|on)(?:gitude)?=(?<lon>${NUMBER})`, "i"),
  new RegExp(`[?&;#/]l(?:ng|on)(?:gitude)?=(?<lon>${NUMBER}).*?[?&;]lat(?:itude)?=(?<lat>${NUMBER})`, "i"),
  new RegExp(`=(?:[a-z]+:)?(?<a>${NUMBER})\\s*[,;|]\\s*(?<b>${NUMBER})`, "i"),
  new RegExp(`@(?<a>${NUMBER}),(?<b>${NUMBER})`),
  new RegExp(`map=\\d+(?:\\.\\d+)?/(?<a>${NUMBER})/(?<b>${NUMBER})`),
  new RegExp(`^geo:(?<a>${NUMBER}),(?<b>${NUMBER})`, "i"),
  new RegExp(`(?<a>\\d{1,3}\\.\\d{3,})\\s*[,/;]\\s*(?<b>\\d{1,3}\\.\\d{3,})`),
];

const LABEL = "东经|西经|北纬|南纬|经度|纬度|longitude|latitude|long|lng|lon|lat|[nsewxy](?![a-z])";
const ANGLE = "(?<degrees>[-+]?\\d{1,8}(?:\\.\\d+)?)"
  + `(?:\\s*°\\s*(?:(?<minutes>\\d{1,2}(?:\\.\\d+)?)\\s*'\\s*(?:(?<seconds>\\d{1,2}(?:\\.\\d+)?)(?:\\s*"|(?=\\s*[nsew])))?)?)?`;
// A label before the number, or else perhaps a hemisphere behind it.
const FIGURES: readonly RegExp[] = [
  new RegExp(`(?<label>${LABEL})\\s*[:=]?\\s*${ANGLE}`, "iy"),
  new RegExp(`${ANGLE}\\s*(?<label>[nsew](?![a-z]))?`, "iy"),
];
const SPACED = /^([nsew])?\s*(\d{1,3})\s+(\d{1,2})\s+(\d{1,2}(?:\.\d+)?)\s*([nsew])?[\s,;]+([nsew])?\s*(\d{1,3})\s+(\d{1,2})\s+(\d{1,2}(?:\.\d+)?)\s*([nsew])?$/i;
const BETWEEN = /[\s,;/|()[\]{}、:。]*/y;
const LONGEST = 2000;
// How far around the city a place may lie for its order to be told by it, in degrees.
const AROUND = 1;

/** The pair that a text is; null if it is none. `bounds` are the city's, by which the order is told. */
export function readCoordinates(text: string, bounds: Box): Pair | null {
  const plain = normal(text.slice(0, LONGEST));
  if (/^geo:|[a-z]:\/\//i.test(plain)) return readLink(plain, bounds);
  const { rest, crs } = withoutCrs(plain);
  const figures = readFigures(rest);
  return figures === null ? null : ordered(figures[0], figures[1], crs, bounds);
}

/** Full-width characters, degree signs and quotes of all kinds as their plain selves. */
function normal(text: string): string {
  return text
    .replace(/[º˚]|(?<=[\d０-９]\s*)度/g, "°").replace(/[′’‘＇]|(?<=[\d０-９]\s*)分/g, "'").replace(/[″”“＂]|(?<=[\d０-９]\s*)秒/g, '"')
    .normalize("NFKC").trim()
    .replace(/''/g, '"')
    .replace(/["'](lon|lng|lat|longitude|latitude|x|y)["']/gi, "$1")
    .replace(/^(point|lnglat|latlng)\s*(?=\()/i, "");
}

function withoutCrs(text: string): { rest: string; crs: string | null } {
  for (const [pattern, crs] of CRS_WORDS) {
    const rest = text.replace(pattern, " ");
    if (rest !== text) return { rest: rest.trim(), crs };
  }
  const projected = /\bepsg:(\d{4,5})\b/i.exec(text);
  if (projected) return { rest: text.replace(projected[0], " ").trim(), crs: `EPSG:${projected[1]}` };
  return { rest: text, crs: null };
}

function readLink(text: string, bounds: Box): Pair | null {
  let link = text;
  try {
    link = decodeURIComponent(text);
  } catch {
    // as it is
  }
  const said = /(?:coord_?type|coordsys|crs)=(wgs84|gcj02|bd09)/i.exec(link)?.[1]?.toLowerCase();
  const crs = said ?? CRS_HOSTS.find(([host]) => host.test(link))?.[1] ?? null;
  for (const pattern of IN_LINK) {
    const found = pattern.exec(link)?.groups;
    if (!found) continue;
    const labelled = found["lon"] !== undefined;
    const one = { value: Number(labelled ? found["lon"] : found["a"]), axis: labelled ? "lon" : null } as const;
    const other = { value: Number(labelled ? found["lat"] : found["b"]), axis: labelled ? "lat" : null } as const;
    const pair = ordered(one, other, crs, bounds);
    // The order within a link is the map's own, and nobody's slip.
    if (pair) return { ...pair, turned: "no" };
  }
  return null;
}

function readFigures(text: string): readonly [Figure, Figure] | null {
  const spaced = SPACED.exec(text);
  if (spaced) {
    const [, before, d, m, s, after, before2, d2, m2, s2, after2] = spaced;
    return [figure(before ?? after, d!, m, s), figure(before2 ?? after2, d2!, m2, s2)];
  }
  const found: Figure[] = [];
  let at = skip(text, 0);
  while (at < text.length) {
    const match = FIGURES.map((pattern) => matchAt(pattern, text, at)).find((each) => each !== null);
    if (!match || found.length === 2) return null;
    const { label, degrees, minutes, seconds } = match.groups!;
    found.push(figure(label, degrees!, minutes, seconds));
    const end = at + match[0].length;
    at = skip(text, end);
    if (at === end && /[\d.]/.test(text[at] ?? "") && !/\s$/.test(match[0])) return null; // numbers that run together are none
  }
  return found.length === 2 ? [found[0]!, found[1]!] : null;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function skip(text: string, from: number): number {
  BETWEEN.lastIndex = from;
  BETWEEN.exec(text);
  return Math.max(BETWEEN.lastIndex, from);
}

function figure(said: string | undefined, degrees: string, minutes?: string, seconds?: string): Figure {
  const label = (said ?? "").toLowerCase();
  const size = Math.abs(Number(degrees)) + Number(minutes ?? 0) / 60 + Number(seconds ?? 0) / 3600;
  const negative = degrees.startsWith("-") || ["w", "s", "西经", "南纬"].includes(label);
  const axis: Axis = /^(东经|西经|经度|lo?ng?.*|[ewx])$/.test(label) ? "lon" : /^(北纬|南纬|纬度|lat.*|[nsy])$/.test(label) ? "lat" : null;
  return { value: negative ? -size : size, axis };
}

function ordered(one: Figure, other: Figure, crs: string | null, bounds: Box): Pair | null {
  if (one.axis !== null && one.axis === other.axis) return null;
  if (Math.abs(one.value) > 1000 && Math.abs(other.value) > 1000) return metric(one, other, crs);
  const labelled = one.axis !== null || other.axis !== null;
  const lonFirst = one.axis === "lon" || other.axis === "lat" || !labelled;
  const [lon, lat] = lonFirst ? [one.value, other.value] : [other.value, one.value];
  const turn = !fits(lon, lat, bounds) && (fits(lat, lon, bounds) || (Math.abs(lat) > 90 && Math.abs(lon) <= 90));
  const [east, north] = turn ? [lat, lon] : [lon, lat];
  if (Math.abs(east) > 180 || Math.abs(north) > 90) return null;
  return { lon: east, lat: north, crs, turned: !turn ? "no" : labelled ? "labels_swapped" : "latitude_first" };
}

/** Metres of a plane: the northing is the larger everywhere in China. Chinese plans call it x. */
function metric(one: Figure, other: Figure, crs: string | null): Pair | null {
  if (crs !== null && !crs.startsWith("EPSG:")) return null;
  const [east, north] = one.value < other.value ? [one.value, other.value] : [other.value, one.value];
  return { lon: east, lat: north, crs: crs ?? "metric", turned: "no" };
}

function fits(lon: number, lat: number, [west, south, east, north]: Box): boolean {
  return lon >= west - AROUND && lon <= east + AROUND && lat >= south - AROUND && lat <= north + AROUND;
}
