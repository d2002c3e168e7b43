/** Joins codes and scales: a checkpoint in which quantised weights are tensors in the blocks of a storage format. */
import { formatOf, storageIn, storedBytes } from '../../../plan/storage/formats.ts'
import { CheckpointError } from '../../errors.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint.ts'
import { checkName, HeaderError } from '../header.ts'
import { quoted } from '../quote.ts'
import { fp8Squares } from './fp8.ts'
import { product } from './grid.ts'
import { fp8Groups, integers, packedIntegers } from './groups.ts'
import { mxfp4 } from './mxfp4.ts'
import { JoinError, type JoinedWeight, type Parts, type Scheme } from './scheme.ts'

const SCHEMES: readonly Scheme[] = [mxfp4, fp8Squares, packedIntegers, integers, fp8Groups]

type Tensors = ReadonlyMap<string, TensorInfo>

/** The name before a suffix, where it is that of a weight. */
function before(name: string, suffix: string, { weights }: Scheme): string | null {
  if (!name.endsWith(suffix) || name.length === suffix.length) return null
  const weight = name.slice(0, name.length - suffix.length)
  return weights === undefined || weights.test(weight) ? weight : null
}

/** The name of the weight that a tensor has the codes of, or nothing. */
const weightOf = ({ name, dtype }: TensorInfo, scheme: Scheme): string | null =>
  dtype === scheme.codes.dtype ? before(name, scheme.codes.suffix, scheme) : null

/** What is in the file of a weight, by role. */
function partsOf(weight: string, scheme: Scheme, tensors: Tensors): Parts {
  const found = Object.entries(scheme.beside).flatMap(([role, suffix]): readonly (readonly [string, TensorInfo])[] => {
    const tensor = tensors.get(`${weight}${suffix}`)
    return tensor !== undefined && scheme.dtypes[role].includes(tensor.dtype as never) ? [[role, tensor]] : []
  })
  return Object.fromEntries(found)
}

const missingRole = (parts: Parts, { beside, optional = [] }: Scheme): string | undefined =>
  Object.keys(beside).find((role) => !optional.includes(role) && !Object.hasOwn(parts, role))

interface Found {
  readonly weight: string
  readonly scheme: Scheme
  readonly parts: Parts
}

/** The weights of which the codes are there, with all that belongs to them. */
function findWeights(tensors: Tensors): readonly Found[] {
  return [...tensors.values()].flatMap((codes) =>
    SCHEMES.flatMap((scheme): readonly Found[] => {
      const weight = weightOf(codes, scheme)
      if (weight === null) return []
      const parts = partsOf(weight, scheme, tensors)
      return missingRole(parts, scheme) === undefined ? [{ weight, scheme, parts: { ...parts, codes } }] : []
    }),
  )
}

/** A tensor that means nothing alone, and what it would belong to; null for any other. */
function lonely(tensor: TensorInfo, used: ReadonlySet<string>): string | null {
  if (used.has(tensor.name)) return null
  for (const scheme of SCHEMES) {
    const { title, codes, beside, dtypes } = scheme
    for (const [role, suffix] of Object.entries(beside)) {
      const weight = dtypes[role].includes(tensor.dtype as never) ? before(tensor.name, suffix, scheme) : null
      if (weight === null) continue
      return `${quoted(tensor.name)} has no codes beside it: ${title} has ${codes.dtype} in ${quoted(`${weight}${codes.suffix}`)}`
    }
    const weight = codes.suffix === '' ? null : weightOf(tensor, scheme)
    if (weight === null) continue
    const missing = Object.entries(beside).find(([role]) => scheme.optional?.includes(role) !== true)!
    return `${quoted(tensor.name)} has codes, and the file has no ${quoted(`${weight}${missing[1]}`)} beside it (${title})`
  }
  return null
}

function infoOf(name: string, { shape, format }: JoinedWeight): TensorInfo {
  const bytes = storedBytes(storageIn(format, shape.at(-1)!), product(shape))
  return { name, dtype: format, shape, bytes }
}

/** Any bytes of a weight, by its blocks. */
async function readRange({ format, readBlocks }: JoinedWeight, offset: number, length: number): Promise<Uint8Array> {
  const { bytes } = formatOf(format)
  if (length === 0) return new Uint8Array(0)
  const first = Math.floor(offset / bytes)
  const blocks = await readBlocks(first, Math.ceil((offset + length) / bytes))
  return blocks.subarray(offset - first * bytes, offset - first * bytes + length)
}

/** Throws a JoinError or a HeaderError for a name that is taken, or is none. */
function checkNames(found: readonly Found[], tensors: Tensors): void {
  const names = new Set<string>()
  for (const { weight, parts } of found) {
    const isThere = weight !== parts.codes.name && tensors.has(weight)
    if (isThere || names.has(weight))
      throw new JoinError(`${quoted(weight)} is there twice: as it is, and as ${quoted(parts.codes.name)}`)
    checkName(weight)
    names.add(weight)
  }
}

/** Weights that are joined at a time: some schemes read a few bytes of the file. */
const AT_ONCE = 64

async function joinAll(checkpoint: Checkpoint, found: readonly Found[]): Promise<ReadonlyMap<string, JoinedWeight>> {
  checkNames(found, checkpoint.tensors)
  const joined = new Map<string, JoinedWeight>()
  for (let at = 0; at < found.length; at += AT_ONCE) {
    const some = found.slice(at, at + AT_ONCE)
    const results = await Promise.allSettled(some.map(({ scheme, parts }) => scheme.join(parts, checkpoint.read)))
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') throw result.reason
      joined.set(some[i].weight, result.value)
    }
  }
  return joined
}

/**
 * The checkpoint with each quantised weight as one tensor under its own name, in the blocks of its format, in the place of the
 * tensors that it is shipped as. Reads headers and shapes; blocks are put together as they are read. Throws a CheckpointError for
 * shapes that do not fit each other, codes without scales, and scales without codes.
 */
export async function joinCodes(checkpoint: Checkpoint): Promise<Checkpoint> {
  const found = findWeights(checkpoint.tensors)
  const used = new Set(found.flatMap(({ parts }) => Object.values(parts).map(({ name }) => name)))
  for (const tensor of checkpoint.tensors.values()) {
    const reason = lonely(tensor, used)
    if (reason !== null) throw new CheckpointError(checkpoint.name, reason)
  }
  if (found.length === 0) return checkpoint
  const joined = await joinAll(checkpoint, found).catch((error: unknown) => {
    throw error instanceof JoinError || error instanceof HeaderError ? new CheckpointError(checkpoint.name, error.message) : error
  })
  const plain = [...checkpoint.tensors].filter(([name]) => !used.has(name))
  const infos = [...joined].map(([name, weight]): [string, TensorInfo] => [name, infoOf(name, weight)])
  const tensors = new Map([...plain, ...infos])
  const read = async (name: string, offset: number, length: number): Promise<Uint8Array> => {
    const weight = joined.get(name)
    if (weight === undefined) {
      if (tensors.has(name)) return checkpoint.read(name, offset, length)
      throw new CheckpointError(checkpoint.name, `has no tensor ${quoted(name)}`)
    }
    const { bytes } = tensors.get(name)!
    if (offset < 0 || length < 0 || offset + length > bytes)
      throw new CheckpointError(checkpoint.name, `tensor ${quoted(name)} has ${bytes} bytes, not ${length} at ${offset}`)
    return readRange(weight, offset, length)
  }
  return { ...checkpoint, tensors, read, apart: checkpoint }
}
