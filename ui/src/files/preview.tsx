// A file's content, as its kind is best seen. Files of runs are strangers' work: nothing of them runs as ours.

import { useEffect, useState } from "preact/hooks";

import { fetchFile, fileUrl } from "../api/client";
import { DataTable } from "../parts/data_table";
import { Markdown } from "../parts/notes";
import { bytes, count } from "../pure/format";
import { parseDelimited } from "../pure/delimited";
import { fileKind, type FileKind } from "../pure/file_kind";

const MOST_BYTES = 1_000_000;
const MOST_ROWS = 1000;

interface Props {
  runId: string;
  path: string;
  size: number | undefined;
}

export function Preview({ runId, path, size }: Props) {
  const kind = fileKind(path);
  const url = fileUrl(runId, path);
  const name = path.split("/").at(-1)!;
  switch (kind) {
    case "image":
      return <img class="preview-image" src={url} alt={name} />;
    case "audio":
      return <audio controls src={url} aria-label={name} />;
    case "video":
      return <video controls src={url} aria-label={name} />;
    case "pdf":
      return <Pdf url={url} name={name} />;
    case "other":
      return (
        <p class="empty">
          No preview of this kind of file.{" "}
          <a href={url} download={name}>
            Download it
          </a>
          {size !== undefined && ` (${bytes(size)})`}.
        </p>
      );
    default:
      return <TextFile runId={runId} path={path} kind={kind} size={size} />;
  }
}

function TextFile({ runId, path, kind, size }: Props & { kind: FileKind }) {
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let isOver = false;
    setText(null);
    setProblem("");
    fetchFile(runId, path, MOST_BYTES).then(
      (content) => !isOver && setText(new TextDecoder().decode(content.slice(0, MOST_BYTES))),
      (error: unknown) => !isOver && setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isOver = true;
    };
  }, [runId, path]);
  if (problem) return <p class="empty">{problem}</p>;
  if (text === null) return <div class="chart-wait" aria-hidden="true" />;
  const isCut = size !== undefined && size > MOST_BYTES;
  return (
    <>
      {isCut && (
        <p class="soft">
          The first {bytes(MOST_BYTES)} of {bytes(size)}.
        </p>
      )}
      <TextContent text={text} kind={kind} name={path.split("/").at(-1)!} />
    </>
  );
}

function TextContent({ text, kind, name }: { text: string; kind: FileKind; name: string }) {
  if (kind === "markdown") return <Markdown text={text} />;
  if (kind === "html") {
    // An empty sandbox: no script of the file runs, and it has an origin of its own.
    return <iframe class="preview-frame" sandbox="" srcdoc={text} title={name} />;
  }
  if (kind === "table") {
    const [heads, ...rows] = parseDelimited(text, name.endsWith(".tsv") ? "\t" : ",", MOST_ROWS + 1);
    if (!heads) return <p class="empty">An empty file.</p>;
    return (
      <>
        <DataTable label={name} heads={heads} rows={rows} />
        {rows.length >= MOST_ROWS && <p class="soft">The first {count(MOST_ROWS)} rows.</p>}
      </>
    );
  }
  return <pre class="code preview-text" tabIndex={0}>{kind === "json" ? indented(text) : text}</pre>;
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The browser shows a PDF of a blob; from the server it would be a download. */
function Pdf({ url, name }: { url: string; name: string }) {
  const [blob, setBlob] = useState("");
  useEffect(() => {
    let made = "";
    void fetch(url)
      .then((response) => response.arrayBuffer())
      .then((content) => {
        made = URL.createObjectURL(new Blob([content], { type: "application/pdf" }));
        setBlob(made);
      });
    return () => URL.revokeObjectURL(made);
  }, [url]);
  return blob ? <iframe class="preview-frame" src={blob} title={name} /> : <div class="chart-wait" aria-hidden="true" />;
}
