// What kind of content a file's name promises.

export type FileKind = "image" | "audio" | "video" | "pdf" | "markdown" | "html" | "table" | "json" | "text" | "other";

const KINDS: [FileKind, string][] = [
  ["image", "png jpg jpeg gif webp svg bmp avif ico"],
  ["audio", "wav mp3 ogg flac m4a"],
  ["video", "mp4 webm mov"],
  ["pdf", "pdf"],
  ["markdown", "md markdown"],
  ["html", "html htm"],
  ["table", "csv tsv"],
  ["json", "json ipynb geojson"],
  ["text", "txt log yaml yml toml ini cfg conf py js ts r sh sql xml jsonl ndjson tex rst diff patch c h cpp rs go java css env lock requirements"],
];
const BY_ENDING = new Map(KINDS.flatMap(([kind, endings]) => endings.split(" ").map((ending): [string, FileKind] => [ending, kind])));
/** Files without an ending that are text by custom. */
const TEXTS = new Set(["mlmodel", "readme", "license", "dockerfile", "makefile"]);

export function fileKind(path: string): FileKind {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const dot = name.lastIndexOf(".");
  if (dot < 0) return TEXTS.has(name) ? "text" : "other";
  return BY_ENDING.get(name.slice(dot + 1)) ?? "other";
}
