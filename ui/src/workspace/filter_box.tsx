// The filter's line: it completes what is typed, and shows an error under the place where it is.

import { useEffect, useRef, useState } from "preact/hooks";

import { checkFilter, fetchValues, type FilterCheck } from "../api/run";
import type { Keys } from "../pure/run_table";
import { complete, type Completion, type Option, quoted } from "../pure/filter_language";

interface Props {
  value: string;
  keys: Keys;
  experimentIds: string[];
  onApply: (filter: string) => void;
}

const CHECK_MS = 250;

export function FilterBox({ value, keys, experimentIds, onApply }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [completion, setCompletion] = useState<Completion | null>(null);
  const [picked, setPicked] = useState(-1);
  const [check, setCheck] = useState<FilterCheck | null>(null);
  const turn = useRef(0);

  useEffect(() => {
    setText(value);
    setCheck(null);
  }, [value]);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest("input,textarea,select");
      if (event.key === "/" && !typing) {
        event.preventDefault();
        input.current?.focus();
      }
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  // A text that reads well applies by itself a moment after the last key; one that does not shows why.
  useEffect(() => {
    if (text.trim() === value.trim()) return setCheck(null);
    const mine = ++turn.current;
    const timer = setTimeout(async () => {
      const answer: FilterCheck = text.trim() ? await checkFilter(text).catch((): FilterCheck => ({ ok: false })) : { ok: true };
      if (mine !== turn.current) return;
      setCheck(answer.ok || answer.message ? answer : null);
      if (answer.ok) onApply(text.trim());
    }, CHECK_MS);
    return () => clearTimeout(timer);
  }, [text]);

  const suggest = async () => {
    const cursor = input.current?.selectionStart ?? text.length;
    const found = complete(input.current?.value ?? "", cursor, keys);
    setPicked(-1);
    setCompletion(found);
    if (!found.values) return;
    const { kind, key, prefix } = found.values;
    const values = await fetchValues(experimentIds, kind, key, prefix).catch(() => []);
    setCompletion((now) =>
      now === found ? { ...found, options: values.map((one) => ({ label: one, insert: `${kind === "param" && Number.isFinite(Number(one)) ? one : quoted(one)} `, detail: "" })) } : now,
    );
  };

  const take = (option: Option) => {
    if (!completion) return;
    const next = text.slice(0, completion.from) + option.insert + text.slice(completion.to);
    setText(next);
    const cursor = completion.from + option.insert.length;
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(cursor, cursor);
      void suggest();
    });
  };

  const press = (event: KeyboardEvent) => {
    const options = completion?.options ?? [];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!options.length) return void suggest();
      setPicked((picked + (event.key === "ArrowDown" ? 1 : options.length - 1 + Number(picked < 0))) % options.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && options[picked]) {
      take(options[picked]);
    } else if (event.key === "Enter") {
      setCompletion(null);
      if (!text.trim()) onApply("");
    } else if (event.key === "Escape") {
      if (completion?.options.length) setCompletion(null);
      else input.current?.blur();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  // A text that only is not finished is no error while one writes it.
  const isUnfinished = (check?.column ?? 0) >= text.trimEnd().length && document.activeElement === input.current;
  const problem = check && !check.ok && !isUnfinished ? check : null;
  const options = completion?.options ?? [];
  return (
    <div class="filter">
      <input
        ref={input}
        type="text"
        class={problem ? "wrong" : ""}
        value={text}
        placeholder="Filter: metrics.loss < 0.5 AND params.lr > 0.001    ( / )"
        spellcheck={false}
        autocomplete="off"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={options.length > 0}
        aria-controls="filter-options"
        aria-autocomplete="list"
        aria-activedescendant={picked >= 0 ? `filter-option-${picked}` : undefined}
        aria-invalid={problem !== null}
        onInput={(event) => {
          setText(event.currentTarget.value);
          void suggest();
        }}
        onFocus={() => void suggest()}
        onBlur={() => setTimeout(() => setCompletion(null), 150)}
        onKeyDown={press}
      />
      {text && (
        <button type="button" class="quiet filter-clear" aria-label="Clear the filter" onClick={() => (setText(""), onApply(""))}>
          ×
        </button>
      )}
      {problem && (
        <div class="filter-error" role="alert">
          {problem.column !== undefined && <span class="mono caret">{" ".repeat(problem.column)}^</span>}
          {problem.message}
          {problem.expected && `; expected ${problem.expected}`}
        </div>
      )}
      <ul id="filter-options" role="listbox" aria-label="Completions" class={options.length ? "options" : "options none"}>
        {options.map((option, index) => (
          <li
            key={option.label}
            id={`filter-option-${index}`}
            role="option"
            aria-selected={index === picked}
            onPointerDown={(event) => {
              event.preventDefault();
              take(option);
            }}
          >
            <span class="mono">{option.label}</span>
            <small>{option.detail}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}
