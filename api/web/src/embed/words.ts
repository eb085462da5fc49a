// What the embedded map says, in both languages.
import type { Language } from "./parameters";

const WORDS = {
  loading: ["正在载入地图…", "Loading the map…"],
  failed: ["地图暂时无法载入，将自动重试", "The map cannot be loaded now; trying again"],
  unreachable: ["无法连接服务；地图停留在第 {0} 版", "The service cannot be reached; the map stays at revision {0}"],
  unreachableYet: ["无法连接服务，将自动重试", "The service cannot be reached; trying again"],
  degraded: ["数据库暂不可用，数据截至 {0}", "The database is away; data as of {0}"],
  wrong: ["参数有误：{0}", "Wrong parameter: {0}"],
  noWebgl: ["此浏览器不能显示地图（需要 WebGL 2）", "This browser cannot draw the map: it needs WebGL 2"],
  refused: ["没有查看这些数据的权限：{0}", "These data may not be shown: {0}"],
  revision: ["第 {0} 版网格", "Grid revision {0}"],
  outside: ["不在市域内", "Outside the city"],
  nearest: ["最近的网格 {0}，{1} 米", "The nearest cell is {0}, {1} m away"],
  onDuty: ["当前值班", "On duty now"],
  ladder: ["依次拨打", "Whom to call, in this order"],
  nobody: ["未登记值班人", "nobody recorded"],
  ambiguous: ["靠近边界，也可能属于 {0}", "Near an edge; it may also be in {0}"],
  asking: ["正在查询…", "Asking…"],
  noCounts: ["没有可以显示的数量", "There is no count to show"],
  legend: ["图例", "Legend"],
  basic: ["基础网格", "basic cell"],
  full_service: ["全科网格", "full-service cell"],
  special: ["专属网格", "special cell"],
} as const satisfies Record<string, readonly [string, string]>;

export type Word = keyof typeof WORDS;

export function say(language: Language, word: Word, ...values: readonly (string | number)[]): string {
  const text: string = WORDS[word][language === "zh" ? 0 : 1];
  return text.replace(/\{(\d)\}/g, (_, position: string) => String(values[Number(position)] ?? ""));
}

export function isWord(text: string): text is Word {
  return text in WORDS;
}
