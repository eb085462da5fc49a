// Distances, times and telephone numbers as people read them. Times are the city's, wherever the browser is.
import { language, locale, say } from "./language";

let zone = "UTC";

/** The city's time zone; from then on all times are shown in it. */
export function useZone(name: string): void {
  zone = name;
}

export function distance(metres: number): string {
  if (metres < 10) return say("metres", metres.toFixed(1));
  return metres < 1000 ? say("metres", Math.round(metres)) : say("kilometres", (metres / 1000).toFixed(1));
}

/** A day and a time; of today the time alone. */
export function moment(text: string): string {
  const when = new Date(text);
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  return day.format(when) === day.format(new Date()) ? clock(text) : fullMoment(text);
}

export function clock(text: string): string {
  return new Intl.DateTimeFormat(locale(), { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(text));
}

export function fullMoment(text: string): string {
  const form: Intl.DateTimeFormatOptions = {
    timeZone: zone, year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  };
  return new Intl.DateTimeFormat(locale(), form).format(new Date(text));
}

/** Now on the city's clocks, as a field for day and time has it: 2026-11-02T03:00. */
export function cityNow(): string {
  const form: Intl.DateTimeFormatOptions = {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  };
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", form).formatToParts(new Date()).map((part) => [part.type, part.value]));
  return `${parts["year"]}-${parts["month"]}-${parts["day"]}T${parts["hour"]}:${parts["minute"]}`;
}

/** The day in city time, so many days from today, as date fields take it. */
export function cityDay(ahead: number): string {
  const day = new Date(`${cityNow().slice(0, 10)}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + ahead);
  return day.toISOString().slice(0, 10);
}

export function telephone(phone: string): string {
  return `tel:${phone.replace(/[^0-9+]/g, "")}`;
}

export function place(lon: number, lat: number): string {
  return `${lon.toFixed(5)}, ${lat.toFixed(5)}`;
}

/** A category's or a city's name in the page's language. */
export function label(zh: string, en: string): string {
  return language() === "en" && en ? en : zh;
}
