/** Images in tables: a row of pixels and a label. */
import { DataError } from '../errors.ts'
import { parseCsv, type Table, type TableOptions } from './csv.ts'
import type { Data, Field, RowsData } from './data.ts'
import { labelNote, labelOf } from './label.ts'

function labelsOf({ columns, values, lines }: Table, at: number, name: string): Int32Array {
  return Int32Array.from(lines, (line, row) => {
    const label = values[row * columns.length + at]
    // a negative label may mean "ignored"; the range is checked when the data is fitted to the model
    if (Number.isInteger(label) && label >= -(2 ** 31) && label < 2 ** 31) return label
    throw new DataError(name, line, `the label in column ${columns[at]} is ${label}, not an i32 integer`)
  })
}

/** All columns except the label, in order. */
function pixelsOf({ columns, values, lines }: Table, at: number): Float32Array {
  const [width, pixels] = [columns.length, new Float32Array(lines.length * (columns.length - 1))]
  for (let row = 0; row < lines.length; row++) {
    pixels.set(values.subarray(row * width, row * width + at), row * (width - 1))
    pixels.set(values.subarray(row * width + at + 1, (row + 1) * width), row * (width - 1) + at)
  }
  return pixels
}

/** Images from a table, one in each row: `pixels` f32, not normalized, and `labels` i32. Throws a DataError with the line. */
export function imageData(text: string, name: string, options: TableOptions = {}): RowsData {
  const table = parseCsv(text, name, options)
  const { columns, headings, lines, notes } = table
  if (columns.length < 2) throw new DataError(name, lines[0], 'has one column; expected pixels and a label')
  const label = labelOf(table, options.label, name)
  const headed = (of: (column: number) => boolean): Pick<Field, 'headings'> =>
    headings === null ? {} : { headings: headings.filter((_, column) => of(column)) }
  return {
    kind: 'rows',
    name,
    count: lines.length,
    places: lines,
    unit: 'line',
    fields: [
      { name: 'pixels', dtype: 'f32', shape: [columns.length - 1], ...headed((column) => column !== label.at) },
      {
        name: 'labels',
        dtype: 'i32',
        shape: [],
        column: columns[label.at],
        ...headed((column) => column === label.at),
        ...(label.isAssumed ? { isAssumed: true } : {}),
      },
    ],
    columns: { pixels: pixelsOf(table, label.at), labels: labelsOf(table, label.at, name) },
    notes: [...notes, labelNote(label, table, name)],
  }
}

/** Throws a DataError if all labels are equal and the label column was assumed from its position. */
export function checkLabels(data: Data): void {
  const field = data.kind === 'rows' ? data.fields.find(({ isAssumed }) => isAssumed === true) : undefined
  if (field === undefined || data.kind !== 'rows' || data.count < 2) return
  const labels = data.columns[field.name]
  if (labels.some((label) => label !== labels[0])) return
  throw new DataError(
    data.name,
    null,
    `every label is ${labels[0]}: the last column, ${field.column}, was taken as the label; choose it with --label NAME or --label NUMBER`,
  )
}
