// The server's binary answers: a head in JSON, then columns (application/vnd.runstone.columns).

export type ColumnType = "f4" | "f8" | "u1" | "u2" | "u4";

export interface Column {
  type: ColumnType;
  at?: number;
  length: number;
}

export interface Texts {
  values?: string[];
  codes: Column;
}

export type Numbers = Float32Array | Float64Array | Uint8Array | Uint16Array | Uint32Array;

export interface ColumnsAnswer<Head> {
  head: Head;
  column(of: Column): Numbers;
}

const KINDS = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

export function decodeColumns<Head>(buffer: ArrayBuffer): ColumnsAnswer<Head> {
  const headBytes = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headBytes))) as Head;
  return {
    head,
    column: ({ type, at, length }) => new KINDS[type](buffer, 4 + headBytes + (at ?? 0), length),
  };
}
