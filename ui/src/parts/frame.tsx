// What lies over every page: messages, and the keys.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { notice } from "../session";

export function Notice() {
  const shown = notice.value;
  return (
    <div class="notice-place" role="status" aria-live="polite">
      {shown && (
        <div class={`notice ${shown.isError ? "bad" : ""}`}>
          {shown.text}
          {shown.action && (
            <button
              type="button"
              onClick={() => {
                shown.action!.act();
                notice.value = null;
              }}
            >
              {shown.action.label}
            </button>
          )}
          <button type="button" class="quiet" aria-label="Close" onClick={() => (notice.value = null)}>
            ×
          </button>
        </div>
      )}
    </div>
  );
}

const isHelpShown = signal(false);

const KEYS: [string, string][] = [
  ["/", "filter the runs"],
  ["j  k", "next, previous run"],
  ["Enter", "open the run"],
  ["x", "select it (Shift: all up to it)"],
  ["p", "pin it"],
  ["h", "hide its curves"],
  ["c", "compare what is selected"],
  ["[  ]", "previous, next run by the table's order"],
  ["Esc", "clear, close"],
  ["?", "this help"],
];

export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "?" && !(event.target as Element).closest("input,textarea,select")) isHelpShown.value = !isHelpShown.value;
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  useEffect(() => {
    if (isHelpShown.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isHelpShown.value]);
  return (
    <dialog ref={dialog} aria-label="Keys" onClose={() => (isHelpShown.value = false)} onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <h2>Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
