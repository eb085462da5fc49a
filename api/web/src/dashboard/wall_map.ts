// The wall's map: drawn here where there is WebGL, else the service's own picture of the same counts.
import { breaksOf } from "./charts";
import { heatmapQuery } from "./data";
import type { CockpitMap, Painted } from "./map";
import type { Model } from "./view";
import { tell, told } from "./words";
import { h } from "../dom";
import { language } from "../language";
import type { Service } from "../service";

const PICTURE_PIXELS = "2400";
// What a desk's screen is wide.
const DESK_PIXELS = 1_920;

export interface WallMap {
  readonly root: HTMLElement;
  /** Shows what is known; what the legend says, too. */
  show(model: Model, revision: number): Promise<Painted>;
}

export async function wallMap(service: Service, stop: AbortSignal): Promise<WallMap> {
  return document.createElement("canvas").getContext("webgl2") === null ? pictureMap(service, stop) : drawnMap(service);
}

async function drawnMap(service: Service): Promise<WallMap> {
  const stage = h("div", { class: "map-stage" }), state = h("p", { class: "map-state", role: "status", hidden: true });
  const root = h("div", { class: "map-room" }, stage, state);
  let map: CockpitMap | null = null;
  return {
    root,
    show: async (model, revision) => {
      if (map === null) {
        const { CockpitMap } = await import("./map");
        map = new CockpitMap(stage, service, () => undefined, (text) => {
          state.textContent = text;
          state.hidden = text === "";
        }, Math.max(1, innerWidth / DESK_PIXELS));
      }
      const painted = paintedOf(model);
      map.fit(model.place.box);
      map.show(revision);
      map.paint(painted);
      return painted;
    },
  };
}

function pictureMap(service: Service, stop: AbortSignal): WallMap {
  const picture = h("img", { class: "picture", alt: "" });
  const root = h("div", { class: "map-room" }, picture);
  let shown = "";
  return {
    root,
    show: async (model) => {
      const by = { by: model.place.partLevel ?? "cell" };
      const query = new URLSearchParams({ ...heatmapQuery(model.view, model.place, model.staff, by), f: "png", width: PICTURE_PIXELS, lang: language() });
      const fresh = URL.createObjectURL(await service.picture(`v1/heatmap?${query}`, stop));
      picture.src = fresh;
      picture.alt = tell("wall_picture", told("of", model.view.of));
      await picture.decode().catch(() => undefined);
      if (shown) URL.revokeObjectURL(shown);
      shown = fresh;
      root.dataset["picture"] = String(picture.naturalWidth);
      return paintedOf(model);
    },
  };
}

function paintedOf({ place, parts, view }: Model): Painted {
  const counts = new Map(parts.kind === "there" ? parts.value?.rows : []);
  return {
    layer: "areas", area: place.code, areaLevel: place.level, partLevel: place.partLevel, parts: place.parts.map((each) => each.code),
    counts, breaks: breaksOf([...counts.values()]), pick: view.pick, hexes: null, hexBreaks: [],
  };
}
