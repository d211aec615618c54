// Axes: where a value lies in pixels, and which values are worth a label.

export interface Range {
  low: number;
  high: number;
}

export interface Scale {
  range: Range;
  log: boolean;
  /** The pixel of a value; NaN where a logarithm has none. */
  pixel(value: number): number;
  value(pixel: number): number;
}

/** A scale from `range` to the pixels `from`..`to`; with `log`, values at or below 0 have no place. */
export function makeScale(range: Range, from: number, to: number, log: boolean): Scale {
  const there = log ? Math.log10 : (value: number) => value;
  const back = log ? (value: number) => 10 ** value : (value: number) => value;
  const low = there(range.low);
  const factor = (to - from) / (there(range.high) - low || 1);
  return {
    range,
    log,
    pixel: (value) => (log && !(value > 0) ? Number.NaN : from + (there(value) - low) * factor),
    value: (pixel) => back(low + (pixel - from) / factor),
  };
}

/** The range with some air around it; a single value gets a range too. */
export function padded(range: Range, log: boolean, part = 0.05): Range {
  if (log) {
    const margin = (range.high / range.low) ** part;
    return range.low === range.high
      ? { low: range.low / 2, high: range.high * 2 }
      : { low: range.low / margin, high: range.high * margin };
  }
  const margin = range.high === range.low ? Math.abs(range.low) * 0.1 || 1 : (range.high - range.low) * part;
  return { low: range.low - margin, high: range.high + margin };
}

/** About `wanted` round values within the range: 1, 2 or 5 times a power of ten; with `log`, the powers. */
export function ticks(range: Range, wanted: number, log: boolean): number[] {
  if (log) {
    const low = Math.ceil(Math.log10(range.low) - 1e-9);
    const high = Math.floor(Math.log10(range.high) + 1e-9);
    if (high > low) {
      const step = Math.max(1, Math.ceil((high - low) / wanted));
      return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, index) => 10 ** (low + index * step));
    }
  }
  const rough = (range.high - range.low) / Math.max(1, wanted);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => power * factor >= rough * 0.7) ?? 10);
  const found: number[] = [];
  for (let index = Math.ceil(range.low / step - 1e-9); index * step <= range.high + step * 1e-9; index++) {
    found.push(Number((index * step).toPrecision(12)));
  }
  return found;
}

/** The smallest range of all finite values (above 0 with `log`); null where there is none. */
export function extent(values: Iterable<ArrayLike<number>>, log = false): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const array of values) {
    for (let index = 0; index < array.length; index++) {
      const value = array[index]!;
      if (value < low && (!log || value > 0) && value > -Infinity) low = value;
      if (value > high && (!log || value > 0) && value < Infinity) high = value;
    }
  }
  return low <= high ? { low, high } : null;
}

/** The range of the middle of the values: the 2 % at either end are left out, as outliers. */
export function innerExtent(values: Iterable<ArrayLike<number>>, log = false): Range | null {
  const all: number[] = [];
  for (const array of values) {
    for (let index = 0; index < array.length; index++) {
      const value = array[index]!;
      if (Number.isFinite(value) && (!log || value > 0)) all.push(value);
    }
  }
  if (!all.length) return null;
  all.sort((a, b) => a - b);
  const at = (part: number) => all[Math.round((all.length - 1) * part)]!;
  return { low: at(0.02), high: at(0.98) };
}

/** The index of the value nearest to `wanted` in an ascending array; -1 where it is empty. */
export function nearestIndex(ascending: ArrayLike<number>, wanted: number): number {
  if (!ascending.length) return -1;
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  const before = low - 1;
  return before >= 0 && wanted - ascending[before]! <= ascending[low]! - wanted ? before : low;
}
