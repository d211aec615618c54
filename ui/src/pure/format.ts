// Numbers, times and sizes as people read them. Knows nothing of the page.

/** A number in few digits: four that matter, no trailing zeros, exponents only where they save room. */
export function shortNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return "";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return minus(String(value));
  if (size >= 1e6 || size < 1e-4) return minus(trimZeros(value.toExponential(Math.max(0, digits - 2))));
  return minus(trimZeros(value.toPrecision(digits)));
}

function trimZeros(text: string): string {
  const [mantissa = "", exponent] = text.split("e");
  const plain = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return exponent === undefined ? plain : `${plain}e${exponent.replace("+", "")}`;
}

function minus(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : text;
}

/** A number with all its digits, for tooltips and downloads. */
export function fullNumber(value: number): string {
  return Number.isNaN(value) ? "NaN" : String(value);
}

/** Counts with thin separators: 10,000. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

const UNITS: [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1000, "s"],
];

/** A length of time in its two largest units: "1h 5m", "12s", "340ms". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const index = UNITS.findIndex(([size]) => ms >= size);
  const [size, unit] = UNITS[index]!;
  const whole = Math.floor(ms / size);
  const next = UNITS[index + 1];
  const rest = next ? Math.floor((ms % size) / next[0]) : 0;
  return rest && next ? `${whole}${unit} ${rest}${next[1]}` : `${whole}${unit}`;
}

/** How long ago: "now", "5m ago", "3d ago"; months and years as a date. */
export function age(time: number, now: number): string {
  const past = now - time;
  if (past < 5000) return "now";
  if (past > 60 * 86_400_000) return new Date(time).toISOString().slice(0, 10);
  const unit = UNITS.find(([size]) => past >= size)!;
  return `${Math.floor(past / unit[0])}${unit[1]} ago`;
}

/** A moment in the reader's own time zone. */
export function moment(time: number): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let index = -1;
  let value = size;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[index]}`;
}

/** Values as a table of text that spreadsheets read (RFC 4180). */
export function csv(rows: (string | number | null)[][]): string {
  const cell = (value: string | number | null) => {
    const text = value === null ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
