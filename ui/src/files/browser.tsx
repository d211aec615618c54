// A run's files: the tree, and what is chosen in it.

import { useEffect, useState } from "preact/hooks";

import { fileUrl, nativeUrl } from "../api/client";
import { type FileEntry, fetchFolder } from "../api/run";
import { Icon } from "../parts/small";
import { bytes } from "../pure/format";
import { isPicture, toPicture } from "../pure/image_steps";
import { go, href } from "../router";
import { Preview } from "./preview";

interface Props {
  runId: string;
  /** The chosen file or folder; empty: the root. */
  path: string;
}

export function FileBrowser({ runId, path }: Props) {
  const [folders, setFolders] = useState<Map<string, FileEntry[]>>(new Map());
  const [problem, setProblem] = useState("");
  const parents = path.split("/").map((_, index, parts) => parts.slice(0, index).join("/"));
  const load = (folder: string) =>
    fetchFolder(runId, folder).then(
      (entries) => setFolders((old) => new Map(old).set(folder, entries)),
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
  useEffect(() => {
    for (const folder of new Set(["", ...parents])) if (!folders.has(folder)) void load(folder);
  }, [runId, path]);
  const entry = [...folders.values()].flat().find((one) => one.path === path);
  useEffect(() => {
    if (entry?.is_dir && !folders.has(path)) void load(path);
  }, [entry?.is_dir, path]);

  const root = folders.get("");
  if (problem && !root) return <p class="empty">{problem}</p>;
  if (!root) return <div class="chart-wait" aria-hidden="true" />;
  if (!root.length) return <p class="empty">This run has no files.</p>;
  const name = path.split("/").at(-1)!;
  return (
    <section class="card files">
      <nav class="tree" aria-label="Files">
        <Level runId={runId} folder="" path={path} folders={folders} />
        <a class="button" href={nativeUrl("artifacts.zip", [["run_id", runId]])} download>
          <Icon name="down" /> all as zip
        </a>
      </nav>
      <div class="preview">
        {!path && <p class="empty">Choose a file.</p>}
        {entry && (
          <header>
            <h3 class="mono">{path}</h3>
            {entry.file_size !== undefined && !entry.is_dir && <small class="num">{bytes(entry.file_size)}</small>}
            <span class="grow" />
            <a
              class="button"
              href={entry.is_dir ? nativeUrl("artifacts.zip", [["run_id", runId], ["path", path]]) : fileUrl(runId, path)}
              download={entry.is_dir ? "" : name}
            >
              <Icon name="down" /> {entry.is_dir ? "zip" : "download"}
            </a>
          </header>
        )}
        {entry && !entry.is_dir && isPicture(path) && <StepSlider runId={runId} path={path} siblings={folders.get(path.split("/").slice(0, -1).join("/")) ?? []} />}
        {entry?.is_dir ? (
          <Folder runId={runId} entries={folders.get(path) ?? []} />
        ) : (
          entry && <Preview runId={runId} path={path} size={entry.file_size} />
        )}
        {path && !entry && folders.has(parents.at(-1) ?? "") && <p class="empty">There is no file {path} in this run.</p>}
      </div>
    </section>
  );
}

function Level({ runId, folder, path, folders }: { runId: string; folder: string; path: string; folders: Map<string, FileEntry[]> }) {
  const entries = folders.get(folder) ?? [];
  const sorted = [...entries].sort((a, b) => Number(b.is_dir ?? false) - Number(a.is_dir ?? false) || a.path.localeCompare(b.path, "en", { numeric: true }));
  return (
    <ul>
      {sorted.map((one) => {
        const isOpen = one.is_dir && (path === one.path || path.startsWith(`${one.path}/`));
        return (
          <li key={one.path}>
            <a href={href(`r/${runId}/files/${encodePath(one.path)}`)} aria-current={path === one.path ? "page" : undefined} title={one.path}>
              <Icon name={one.is_dir ? "folder" : "file"} />
              <span>{one.path.split("/").at(-1)}</span>
              {!one.is_dir && one.file_size !== undefined && <small class="num">{bytes(one.file_size)}</small>}
            </a>
            {isOpen && <Level runId={runId} folder={one.path} path={path} folders={folders} />}
          </li>
        );
      })}
    </ul>
  );
}

function Folder({ runId, entries }: { runId: string; entries: FileEntry[] }) {
  const pictures = entries.filter((one) => !one.is_dir && isPicture(one.path));
  if (!pictures.length) return <p class="empty">{entries.length} entries.</p>;
  return (
    <div class="image-row">
      {pictures.map((one) => (
        <figure key={one.path}>
          <a href={href(`r/${runId}/files/${encodePath(one.path)}`)}>
            <img loading="lazy" src={fileUrl(runId, one.path)} alt={one.path} />
          </a>
          <figcaption>{one.path.split("/").at(-1)}</figcaption>
        </figure>
      ))}
    </div>
  );
}

/** Pictures of one series lie a step apart: a slider goes through them. */
function StepSlider({ runId, path, siblings }: { runId: string; path: string; siblings: FileEntry[] }) {
  const own = toPicture(path);
  const series = siblings
    .filter((one) => !one.is_dir && isPicture(one.path))
    .map((one) => toPicture(one.path))
    .filter((one) => one.series === own.series && one.step !== null)
    .sort((a, b) => a.step! - b.step!);
  const at = series.findIndex((one) => one.path === path);
  if (series.length < 2 || at < 0) return null;
  return (
    <label class="slider">
      step
      <input type="range" min="0" max={series.length - 1} value={at} aria-label="Step" onInput={(event) => go(`r/${runId}/files/${encodePath(series[Number(event.currentTarget.value)]!.path)}`)} />
      <output class="num">{own.step}</output>
    </label>
  );
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
