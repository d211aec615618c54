// Small things that many pages show: dots, marks, icons, curves of a word's size.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { runColor } from "../pure/colors";
import { extent } from "../pure/scales";

export function Dot({ runId, hollow = false }: { runId: string; hollow?: boolean }) {
  const color = runColor(runId);
  return <i class="dot" aria-hidden="true" style={hollow ? { boxShadow: `inset 0 0 0 1.5px ${color}` } : { background: color }} />;
}

const STATUS: Record<string, [string, string]> = {
  RUNNING: ["live", "running"],
  FAILED: ["bad", "failed"],
  KILLED: ["bad", "killed"],
  SCHEDULED: ["soft", "scheduled"],
};

/** What is worth a word about a run's state: that it finished is not. */
export function StatusMark({ status }: { status: string }) {
  const mark = STATUS[status];
  return mark ? <span class={`status ${mark[0]}`}>{mark[1]}</span> : null;
}

const ICONS: Record<string, string> = {
  pin: "M6 1.5h4l-.5 5 2.5 2.5v1H8.7L8 15l-.7-5H4V9l2.5-2.5z",
  eye: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8Zm6.5 2a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  moon: "M13.5 9.8A5.8 5.8 0 0 1 6.2 2.5a5.8 5.8 0 1 0 7.3 7.3Z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6 13 13M3 13l1.4-1.4M11.6 4.4 13 3",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  close: "M4 4l8 8M12 4l-8 8",
  expand: "M9.5 2.5h4v4M6.5 13.5h-4v-4M13.5 2.5 9 7M2.5 13.5 7 9",
  file: "M4 1.5h5.5L12.5 4.5v10h-8.5zM9 1.5V5h3.5",
  folder: "M1.5 3.5h5l1.5 2h6.5v8h-13z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  down: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
};

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

/** A curve without axes; null where there is nothing to draw. */
export function Sparkline({ values, color, label, width = 90, height = 20 }: { values: number[]; color?: string; label: string; width?: number; height?: number }) {
  const range = extent([values]);
  if (!range || values.length < 2) return null;
  const x = (index: number) => 1 + (index / (values.length - 1)) * (width - 2);
  const y = (value: number) => height - 2 - ((value - range.low) / (range.high - range.low || 1)) * (height - 4);
  let path = "";
  let isGap = true;
  values.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      isGap = true;
      return;
    }
    path += `${isGap ? "M" : "L"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    isGap = false;
  });
  return (
    <svg class="sparkline" role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <path d={path} style={color ? { stroke: color } : undefined} />
    </svg>
  );
}

/** A button that opens a panel below itself; a click elsewhere or Escape closes it. */
export function Popover({ label, title, children, wide = false, end = false, primary = false }: { label: ComponentChildren; title: string; children: (close: () => void) => ComponentChildren; wide?: boolean; end?: boolean; primary?: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape, true);
    box.current?.querySelector<HTMLElement>(".panel input, .panel textarea, .panel select, .panel button")?.focus();
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape, true);
    };
  }, [isOpen]);
  return (
    <div class="popover" ref={box}>
      <button type="button" class={primary ? "primary" : ""} aria-haspopup="dialog" aria-expanded={isOpen} title={title} onClick={() => setOpen(!isOpen)}>
        {label}
      </button>
      {isOpen && (
        <div class={`panel ${wide ? "wide" : ""} ${end ? "end" : ""}`} role="dialog" aria-label={title}>
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isDone, setDone] = useState(false);
  return (
    <button
      type="button"
      class="quiet"
      title={label}
      aria-label={label}
      onClick={() => {
        void copyText(text);
        setDone(true);
        setTimeout(() => setDone(false), 1500);
      }}
    >
      {isDone ? "copied" : <Icon name="copy" />}
    </button>
  );
}

/** The clipboard's API is there on secure pages alone: not for a server that is reached by plain HTTP from afar. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
