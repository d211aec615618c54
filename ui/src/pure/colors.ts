// A colour for each run, from its id alone: the same on every page, on every day, for everyone.

/** After Okabe and Ito, and Paul Tol's "bright": told apart with the common kinds of colour blindness; each has a
 * contrast of 3 or more against both themes' backgrounds (WCAG 2.2, 1.4.11). */
export const PALETTE = [
  "#3b76c4", "#d9601a", "#1f8f5f", "#b8528e", "#9a7d0a", "#2492b3",
  "#d64550", "#7a68c9", "#5d8a2b", "#a2672f", "#0e9488", "#8a7078",
] as const;

export function runColor(runId: string): string {
  return PALETTE[hash(runId) % PALETTE.length]!;
}

/** FNV-1a: the random end of an id decides as much as its beginning. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

const RAMP: [number, number, number][] = [
  [68, 60, 140], [52, 104, 160], [30, 146, 150], [72, 172, 108], [196, 178, 50],
];

/** A place between 0 and 1 on a scale from dark blue to yellow (after viridis: even in lightness). */
export function rampColor(place: number): string {
  if (!Number.isFinite(place)) return "#888";
  const scaled = Math.min(1, Math.max(0, place)) * (RAMP.length - 1);
  const index = Math.min(RAMP.length - 2, Math.floor(scaled));
  const part = scaled - index;
  const [from, to] = [RAMP[index]!, RAMP[index + 1]!];
  return `rgb(${from.map((value, channel) => Math.round(value + (to[channel]! - value) * part)).join(",")})`;
}
