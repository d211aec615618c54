// A field with a button: the smallest form.

import { useState } from "preact/hooks";

import { report } from "../session";

interface Props {
  label: string;
  value?: string;
  action: string;
  onSubmit: (value: string) => Promise<void>;
}

export function OneField({ label, value = "", action, onSubmit }: Props) {
  const [text, setText] = useState(value);
  return (
    <form
      class="one-field"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) onSubmit(text.trim()).catch(report);
      }}
    >
      <label>
        {label}
        <input type="text" value={text} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={!text.trim()}>
        {action}
      </button>
    </form>
  );
}

export function TagForm({ onSubmit }: { onSubmit: (key: string, value: string) => Promise<void> }) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  return (
    <form
      class="one-field"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim()) onSubmit(key.trim(), value).then(() => (setKey(""), setValue("")), report);
      }}
    >
      <label>
        tag
        <input type="text" value={key} autocomplete="off" onInput={(event) => setKey(event.currentTarget.value)} />
      </label>
      <label>
        value
        <input type="text" value={value} autocomplete="off" onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={!key.trim()}>
        Set
      </button>
    </form>
  );
}
