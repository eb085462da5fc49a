// Rejected rows as a CSV file for spreadsheets, as `gridmap rejected --out` writes them.
import type { RejectedRow } from "./api";

// As gridmap/spreadsheets.py has it: text that begins like this would be a formula; text that is a number is none.
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const NUMBER = /^[+-]?(\d+(_?\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const OWN = ["file", "line", "reason"];

export function harmless(text: string): string {
  return FORMULA.test(text) && !NUMBER.test(text.trim()) ? `'${text}` : text;
}

function quoted(text: string): string {
  const said = harmless(text);
  return /[",\r\n]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said;
}

/** UTF-8 with a mark for spreadsheets; a column of the source may be called like one of ours. */
export function rejectedCsv(rows: readonly RejectedRow[]): Blob {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.columns)))].sort();
  const lines = [
    [...OWN, ...columns.map((name) => (OWN.includes(name) ? `source_${name}` : name))],
    ...rows.map((row) => [row.file, String(row.line), row.reason, ...columns.map((name) => row.columns[name] ?? "")]),
  ];
  return new Blob(["\ufeff", ...lines.map((line) => `${line.map(quoted).join(",")}\r\n`)], { type: "text/csv;charset=utf-8" });
}

/** Hands a file to whoever looks at the page. */
export function saveAs(name: string, content: Blob): void {
  const address = URL.createObjectURL(content), link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
