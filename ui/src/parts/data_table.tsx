// A plain table of texts: what "show as table" shows.

export function DataTable({ label, heads, rows }: { label: string; heads: string[]; rows: string[][] }) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`${label} as a table`}>
      <table class="plain">
        <thead>
          <tr>
            {heads.map((head, index) => (
              <th key={head} scope="col" class={index ? "num" : ""}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} class={column ? "num" : ""}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
