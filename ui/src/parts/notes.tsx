// A text in Markdown that can be edited in place.

import { useEffect, useState } from "preact/hooks";

interface Props {
  text: string;
  label: string;
  onSave?: (text: string) => Promise<void>;
}

export function Notes({ text, label, onSave }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null && onSave) {
    return (
      <section class="card notes" aria-label={label}>
        <textarea
          rows={Math.min(20, Math.max(4, draft.split("\n").length + 1))}
          value={draft}
          aria-label={label}
          ref={(element) => element?.focus()}
          onInput={(event) => setDraft(event.currentTarget.value)}
        />
        <footer>
          <button type="button" class="primary" onClick={() => void onSave(draft).then(() => setDraft(null))}>
            Save
          </button>
          <button type="button" onClick={() => setDraft(null)}>
            Cancel
          </button>
          <small>Markdown</small>
        </footer>
      </section>
    );
  }
  if (!text) {
    return onSave ? (
      <button type="button" class="quiet add-note" onClick={() => setDraft("")}>
        + {label.toLowerCase()}
      </button>
    ) : null;
  }
  return (
    <section class="card notes" aria-label={label}>
      <Markdown text={text} />
      {onSave && (
        <button type="button" class="quiet edit" onClick={() => setDraft(text)}>
          edit
        </button>
      )}
    </section>
  );
}

export function Markdown({ text }: { text: string }) {
  const [html, setHtml] = useState<string | null>(null);
  useEffect(() => {
    let isOver = false;
    void import("./markdown").then(({ renderMarkdown }) => !isOver && setHtml(renderMarkdown(text)));
    return () => {
      isOver = true;
    };
  }, [text]);
  return html === null ? <div class="markdown">{text}</div> : <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
