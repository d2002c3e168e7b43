import { DataError } from '../errors.ts'
import { showFields, type Data, type RowsData, type StreamData } from './data.ts'
import { checkAlike } from './alike.ts'
import { filesOf } from './place.ts'

function concatenate<A extends Int32Array | Float32Array | Uint32Array>(parts: readonly A[]): A {
  const whole = new (parts[0].constructor as new (length: number) => A)(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const nameOf = (parts: readonly Data[]): string => parts.map(({ name }) => name).join(', ')

const notesOf = (parts: readonly Data[]): readonly string[] => parts.flatMap(({ notes }) => notes ?? [])

function joinStreams(parts: readonly StreamData[]): StreamData {
  let start = 0
  const files = parts.flatMap((part) => {
    const moved = filesOf(part).map((file) => ({ ...file, from: file.from + start }))
    start += part.tokens.length
    return moved
  })
  return {
    ...parts[0],
    name: nameOf(parts),
    tokens: concatenate(parts.map(({ tokens }) => tokens)),
    files,
    notes: notesOf(parts),
  }
}

/** The file of each row: `names[of[row]]`. */
function rowFiles(parts: readonly RowsData[]): RowsData['files'] {
  const names: string[] = []
  const of = parts.map(({ files, name, count }) => {
    const [start, own] = [names.length, files ?? { names: [name], of: new Uint32Array(count) }]
    names.push(...own.names)
    return own.of.map((file) => file + start)
  })
  return { names, of: concatenate(of) }
}

function joinRows(parts: readonly RowsData[]): RowsData {
  const [first] = parts
  for (const other of parts) {
    const [wanted, have] = [first, other].map(({ fields }) => showFields(fields))
    if (wanted !== have) throw new DataError(other.name, null, `has ${have}, ${first.name} has ${wanted}`)
    checkAlike(first, other)
  }
  return {
    ...first,
    name: nameOf(parts),
    count: parts.reduce((sum, { count }) => sum + count, 0),
    places: concatenate(parts.map(({ places }) => places)),
    columns: Object.fromEntries(first.fields.map(({ name }) => [name, concatenate(parts.map(({ columns }) => columns[name]))])),
    files: rowFiles(parts),
    notes: notesOf(parts),
  }
}

/** Several files as one, in their order. Throws a DataError where they are not alike. */
export function joinData(parts: readonly Data[]): Data {
  const [first] = parts
  if (parts.length === 1) return first
  const stranger = parts.find(({ kind }) => kind !== first.kind)
  if (stranger !== undefined) throw new DataError(stranger.name, null, `is not of the kind of ${first.name}`)
  return first.kind === 'stream' ? joinStreams(parts as readonly StreamData[]) : joinRows(parts as readonly RowsData[])
}
