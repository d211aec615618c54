// Pictures among a run's files, by name and step. Pure.

export interface Picture {
  path: string;
  /** The path without its step: pictures of one series share it. */
  series: string;
  step: number | null;
}

const PICTURE = /\.(png|jpe?g|gif|webp|svg|bmp|avif)$/i;
/** The last number of a file's name, or `step` and a number in it. */
const STEP = /(?:[_\-.]?step[_\-.]?|[_\-.]|^)(\d+)(?=\.\w+$|[_\-.%+])/i;

export function isPicture(path: string): boolean {
  return PICTURE.test(path);
}

export function toPicture(path: string): Picture {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  const match = STEP.exec(name);
  if (!match) return { path, series: path, step: null };
  const series = path.slice(0, slash) + name.slice(0, match.index) + name.slice(match.index + match[0].length);
  return { path, series: series.replace(PICTURE, "").replace(/\/$/, "") || path, step: Number(match[1]) };
}

/** Of each series, the picture of the step or the last one before it. */
export function picturesAt(pictures: Picture[], step: number): Map<string, Picture> {
  const found = new Map<string, Picture>();
  for (const picture of [...pictures].sort((a, b) => (a.step ?? 0) - (b.step ?? 0))) {
    if (picture.step === null || picture.step <= step || !found.has(picture.series)) found.set(picture.series, picture);
  }
  return found;
}
