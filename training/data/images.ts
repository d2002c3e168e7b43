import { DataError } from '../errors.ts'
import { parseCsv, type Table } from './csv.ts'
import type { RowsData } from './data.ts'

function labelsOf({ columns, values, lines }: Table, name: string): Int32Array {
  return Int32Array.from(lines, (line, row) => {
    const label = values[row * columns + columns - 1]
    if (Number.isInteger(label) && label >= 0 && label < 2 ** 31) return label
    throw new DataError(name, line, `the label in column ${columns} is ${label}, not a whole number from 0 on`)
  })
}

/** A row an image: `pixels` f32 as they stand in the file, and `labels` i32, the last column. Throws a DataError with the line. */
export function imageData(text: string, name: string): RowsData {
  const table = parseCsv(text, name)
  const { columns, values, lines } = table
  if (columns < 2) throw new DataError(name, Number(lines[0]), 'has one column; a row is pixels and then the label')
  const pixels = new Float32Array(lines.length * (columns - 1))
  for (let row = 0; row < lines.length; row++) pixels.set(values.subarray(row * columns, (row + 1) * columns - 1), row * (columns - 1))
  return {
    kind: 'rows', name, count: lines.length, places: lines, unit: 'line',
    fields: [{ name: 'pixels', dtype: 'f32', shape: [columns - 1] }, { name: 'labels', dtype: 'i32', shape: [] }],
    columns: { pixels, labels: labelsOf(table, name) },
  }
}
