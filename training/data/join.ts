/** Concatenates datasets. */
import { DataError } from '../errors.ts'
import { showFields, type Data, type RowsData, type StreamData } from './data.ts'
import { checkCompatible } from './compatible.ts'
import { filesOf } from './place.ts'

function concatenate<A extends Int32Array | Float32Array | Uint32Array>(datasets: readonly A[]): A {
  const whole = new (datasets[0].constructor as new (length: number) => A)(datasets.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const dataset of datasets) {
    whole.set(dataset, at)
    at += dataset.length
  }
  return whole
}

const nameOf = (datasets: readonly Data[]): string => datasets.map(({ name }) => name).join(', ')

const notesOf = (datasets: readonly Data[]): readonly string[] => datasets.flatMap(({ notes }) => notes ?? [])

function joinStreams(datasets: readonly StreamData[]): StreamData {
  let start = 0
  const files = datasets.flatMap((dataset) => {
    const shifted = filesOf(dataset).map((file) => ({ ...file, from: file.from + start }))
    start += dataset.tokens.length
    return shifted
  })
  return {
    ...datasets[0],
    name: nameOf(datasets),
    tokens: concatenate(datasets.map(({ tokens }) => tokens)),
    files,
    notes: notesOf(datasets),
  }
}

/** The file of each row: `names[of[row]]`. */
function rowFiles(datasets: readonly RowsData[]): RowsData['files'] {
  const names: string[] = []
  const of = datasets.map(({ files, name, count }) => {
    const [start, own] = [names.length, files ?? { names: [name], of: new Uint32Array(count) }]
    names.push(...own.names)
    return own.of.map((file) => file + start)
  })
  return { names, of: concatenate(of) }
}

function joinRows(datasets: readonly RowsData[]): RowsData {
  const [first] = datasets
  for (const other of datasets) {
    const [wanted, have] = [first, other].map(({ fields }) => showFields(fields))
    if (wanted !== have) throw new DataError(other.name, null, `has ${have}, ${first.name} has ${wanted}`)
    checkCompatible(first, other)
  }
  return {
    ...first,
    name: nameOf(datasets),
    count: datasets.reduce((sum, { count }) => sum + count, 0),
    places: concatenate(datasets.map(({ places }) => places)),
    columns: Object.fromEntries(
      first.fields.map(({ name }) => [name, concatenate(datasets.map(({ columns }) => columns[name]))]),
    ),
    files: rowFiles(datasets),
    notes: notesOf(datasets),
  }
}

/** Concatenates datasets. Throws a DataError if they are incompatible. */
export function joinData(datasets: readonly Data[]): Data {
  const [first] = datasets
  if (datasets.length === 1) return first
  const other = datasets.find(({ kind }) => kind !== first.kind)
  if (other !== undefined) throw new DataError(other.name, null, `is not of the same kind as ${first.name}`)
  return first.kind === 'stream' ? joinStreams(datasets as readonly StreamData[]) : joinRows(datasets as readonly RowsData[])
}
