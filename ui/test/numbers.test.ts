import { describe, expect, test } from "vitest";

import { age, bytes, csv, duration, shortNumber } from "../src/pure/format";
import { smooth } from "../src/pure/smoothing";
import { extent, innerExtent, makeScale, nearestIndex, padded, ticks } from "../src/pure/scales";

describe("numbers in few digits", () => {
  test.each([
    [0.123456, "0.1235"],
    [-0.5, "−0.5"],
    [10_000, "10000"],
    [1234.5678, "1235"],
    [0.00001234, "1.23e-5"],
    [3e12, "3e12"],
    [Number.NaN, "NaN"],
    [-Infinity, "−∞"],
    [0, "0"],
  ])("%f is %s", (value, text) => expect(shortNumber(value)).toBe(text));
});

test("times and sizes have the unit that people would say", () => {
  expect([0, 999, 1000, 61_000, 3_600_000, 90_000_000].map(duration)).toEqual(["0ms", "999ms", "1s", "1m 1s", "1h", "1d 1h"]);
  expect(age(0, 120_000)).toBe("2m ago");
  expect([5, 1500, 12_345_678].map(bytes)).toEqual(["5 B", "1.5 kB", "12 MB"]);
});

test("texts with commas, quotes and lines survive CSV", () => {
  expect(csv([["a,b", 'say "x"', 1, null], ["two\nlines", "", 0.5, "z"]])).toBe('"a,b","say ""x""",1,\r\n"two\nlines",,0.5,z\r\n');
});

test("smoothing begins at the first value, and passes over what is not finite", () => {
  expect(Array.from(smooth([4, 4, 4], 0.9))).toEqual([4, 4, 4].map((value) => expect.closeTo(value, 10)));
  expect(Array.from(smooth([1, 2, 3], 0))).toEqual([1, 2, 3]);
  const [first, gap, after] = smooth([1, Number.NaN, 3], 0.5);
  expect([first, gap, after]).toEqual([1, Number.NaN, expect.closeTo((0.25 * 1 + 0.5 * 3) / 0.75, 10)]);
});

test("a scale and its inverse agree, and a logarithm has no place for zero", () => {
  const scale = makeScale({ low: 0.01, high: 100 }, 0, 400, true);
  expect(scale.pixel(1)).toBeCloseTo(200);
  expect(scale.value(scale.pixel(7))).toBeCloseTo(7);
  expect(scale.pixel(0)).toBeNaN();
});

test("ticks are round, and lie within the range", () => {
  expect(ticks({ low: 0, high: 0.93 }, 5, false)).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  expect(ticks({ low: 1e-4, high: 0.2 }, 5, true)).toEqual([1e-4, 1e-3, 1e-2, 0.1].map((value) => expect.closeTo(value, 12)));
  expect(ticks({ low: 5, high: 5 }, 5, false)).toEqual([]);
});

test("the range holds every finite value; without outliers it holds the middle", () => {
  const values = [Number.NaN, ...Array.from({ length: 100 }, (_, index) => index), 1e9, Infinity];
  expect(extent([values])).toEqual({ low: 0, high: 1e9 });
  expect(innerExtent([values])!.high).toBeLessThan(100);
  expect(extent([[Number.NaN]])).toBeNull();
  expect(padded({ low: 3, high: 3 }, false).low).toBeLessThan(3);
});

test("the nearest index is that of the nearest value, on either side", () => {
  const values = [0, 10, 20, 30];
  expect([-5, 4, 6, 25.1, 99].map((wanted) => nearestIndex(values, wanted))).toEqual([0, 0, 1, 3, 3]);
  expect(nearestIndex([], 1)).toBe(-1);
});
