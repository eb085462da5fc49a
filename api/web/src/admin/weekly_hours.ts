// Weekly hours in words, as the service writes them: 1-5 20:00-08:00; 6 00:00-24:00.

const DAY_MINUTES = 24 * 60;

/** Whether a moment of city time, such as 2026-11-30T06:30, lies in one of the hours; a span that ends at or before its start runs into the next day. */
export function isWithin(hours: string, moment: string): boolean {
  const weekday = (new Date(`${moment.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7 + 1, minute = minutes(moment.slice(11, 16));
  return hours.split(";").some((part) => {
    const found = /^\s*([1-7,-]+) (\d\d:\d\d)-(\d\d:\d\d)\s*$/.exec(part);
    if (!found) return false;
    const days = daysOf(found[1]!), starts = minutes(found[2]!), ends = minutes(found[3]!);
    const lasts = (ends - starts + DAY_MINUTES - 1) % DAY_MINUTES + 1;
    return [0, 1].some((before) => days.has((weekday - before + 6) % 7 + 1) && minute + before * DAY_MINUTES >= starts && minute + before * DAY_MINUTES < starts + lasts);
  });
}

function daysOf(text: string): ReadonlySet<number> {
  return new Set(text.split(",").flatMap((run) => {
    const [first, last] = run.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, at) => first! + at);
  }));
}

function minutes(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
}
