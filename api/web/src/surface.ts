// The map, in two layers of which one shows: a new style is drawn out of sight and takes over in one step, when every
// tile of it is there. So no frame ever shows tiles of two revisions.
import { Map as MapLibre, type LngLatBoundsLike, type MapOptions, type StyleSpecification } from "maplibre-gl";

const LONGEST_DRAWING_MS = 30_000;

/** A style's own words about itself, written by the service. */
export interface StyleFacts {
  readonly "gridmap:revision": number;
  readonly "gridmap:crs": string;
  readonly "gridmap:dark": boolean;
  readonly "gridmap:attribution": string;
  readonly "gridmap:notice": string;
  readonly "gridmap:base_map": string;
  readonly "gridmap:data": readonly string[];
  /** The months of the releases that are shown; null: counts are live, or there are none. */
  readonly "gridmap:released": readonly string[] | null;
  /** What the counts are, in words; empty without counts. */
  readonly "gridmap:counts": string;
  readonly "gridmap:legend": readonly { readonly color: string; readonly label: string }[];
}

export type GridStyle = StyleSpecification & { readonly metadata: StyleFacts };

export class DrawingFailed extends Error {}

export class Surface {
  private shown: { map: MapLibre; box: HTMLElement } | null = null;

  constructor(
    private readonly stage: HTMLElement,
    private readonly options: Pick<MapOptions, "attributionControl" | "pixelRatio">,
    /** Called with every map before it is drawn, to give it controls and listeners. */
    private readonly prepare: (map: MapLibre) => void,
  ) {}

  get map(): MapLibre | null {
    return this.shown?.map ?? null;
  }

  /**
   * Draws a style, the first at once, a later one out of sight until all of it is there; resolves when all of it
   * shows. `atSwitch` runs in the step in which the map takes over. DrawingFailed when a tile cannot be had; what shows then stays.
   */
  async show(style: GridStyle, bounds: LngLatBoundsLike, atSwitch: () => void): Promise<void> {
    const before = this.shown;
    const box = document.createElement("div");
    box.className = before ? "surface waiting" : "surface";
    this.stage.append(box);
    const camera = before
      ? { center: before.map.getCenter(), zoom: before.map.getZoom(), bearing: before.map.getBearing(), pitch: before.map.getPitch() }
      : { bounds, fitBoundsOptions: { padding: 24 } };
    const map = new MapLibre({
      container: box,
      style,
      fadeDuration: 0,
      localIdeographFontFamily: "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif",
      ...this.options,
      ...camera,
    });
    this.prepare(map);
    const stopFollowing = before ? keepTogether(before.map, map) : () => {};
    if (!before) {
      this.shown = { map, box };
      atSwitch();
    }
    try {
      await drawn(map);
    } catch (error) {
      if (before) {
        map.remove();
        box.remove();
      }
      throw error;
    } finally {
      stopFollowing();
    }
    if (before) {
      this.shown = { map, box };
      box.classList.remove("waiting");
      before.box.remove();
      atSwitch();
      before.map.remove();
    }
  }

  /** Takes the map away, so that the next style is drawn as the first. */
  clear(): void {
    this.shown?.map.remove();
    this.shown?.box.remove();
    this.shown = null;
  }
}

/** Moves the map out of sight with the one that shows. */
function keepTogether(leader: MapLibre, follower: MapLibre): () => void {
  const move = (): void => {
    follower.jumpTo({
      center: leader.getCenter(), zoom: leader.getZoom(), bearing: leader.getBearing(), pitch: leader.getPitch(),
    });
  };
  leader.on("move", move);
  return () => leader.off("move", move);
}

/** Resolves when the map has nothing left to load or draw. */
function drawn(map: MapLibre): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = setTimeout(() => reject(new DrawingFailed("the map was not drawn in time")), LONGEST_DRAWING_MS);
    let failure = "";
    map.on("error", (event) => {
      failure ||= event.error.message;
    });
    map.once("idle", () => {
      clearTimeout(giveUp);
      if (failure) reject(new DrawingFailed(failure));
      else resolve();
    });
  });
}
