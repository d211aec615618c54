// Choosing a column for an axis.

import { type ColumnId, heading, metricColumn } from "../pure/run_columns";
import type { Workspace } from "./state";

export function AxisChoice({ space, label, value, none, onChange }: { space: Workspace; label: string; value: ColumnId; none?: string; onChange: (column: ColumnId) => void }) {
  const { keys, best } = space;
  const first = best.value?.column;
  const metrics = keys.value.metrics.map((one) => metricColumn(one.key));
  const known = new Set([...metrics, ...keys.value.params.map((one) => `params.${one.key}`)]);
  const extra = [first, value].filter((one, index, all): one is string => !!one && !known.has(one) && all.indexOf(one) === index);
  return (
    <label>
      {label}
      <select aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {none && <option value="">{none}</option>}
        {extra.map((id) => (
          <option key={id} value={id}>
            {heading(id)}
          </option>
        ))}
        <optgroup label="Params">
          {keys.value.params.map(({ key }) => (
            <option key={key} value={`params.${key}`}>
              {key}
            </option>
          ))}
        </optgroup>
        <optgroup label="Metrics">
          {metrics.map((id) => (
            <option key={id} value={id}>
              {heading(id)}
            </option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}
