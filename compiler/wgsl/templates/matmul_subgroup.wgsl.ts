/**
 * A matmul for CPU adapters, which run a subgroup as the lanes of one vector unit. A subgroup computes a tile of `rows` rows by
 * `columns` columns a thread. Each thread loads the left vectors of its own rows and broadcasts them; each vector of the weights
 * serves all rows of the tile. Nothing is loaded twice, and there is no barrier.
 */
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { TemplateCode } from '../template-code.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import {
  hasMnMajor,
  kAddress,
  hasConstantStride,
  threadColumn,
  threadVec4Columns,
  isMnMajor,
  takesVec4Columns,
  transposedVec4,
} from './mn-major.ts'
import {
  clampedColumn,
  clampedRow,
  declareSums,
  writeBack,
  emitMatmulEntry,
  indent,
  isMultiple,
  upTo,
  type TileConfig,
  type TemplateContext,
} from './matmul-entry.ts'

export interface SubgroupTile {
  /** The subgroup size. */
  readonly threads: number
  /** Fastest where it is a multiple of the threads. */
  readonly rows: number
  /** Columns of a thread. */
  readonly columns: number
  /** vec4s of K in a step of the loop. */
  readonly kVectors: number
  readonly rasterAlong: 'rows' | 'columns'
  /** Column tiles that a workgroup computes one after the other; 1 unless given. */
  readonly tilesPerWorkgroup?: number
}

/**
 * Needs aligned operands and subgroups of exactly `threads` threads. With MN-major operands the threads are a multiple of four,
 * and so are the rows (left operand) or the columns (right operand) of the tile.
 */
export function emitMatmulSubgroup(matmul: Matmul, wanted: SubgroupTile, emit: ScalarEmitter): TemplateCode {
  const tile = hasMnMajor(matmul) ? { ...wanted, kVectors: 1 } : wanted
  const config = {
    rows: tile.rows,
    columns: tile.columns * tile.threads,
    threads: tile.threads,
    rasterAlong: tile.rasterAlong,
    tilesPerWorkgroup: tile.tilesPerWorkgroup,
    needsSubgroups: true,
    workgroupBytes: 0,
    kStep: 4,
    loadWidth: (): 4 => 4,
  } as const
  return emitMatmulEntry(matmul, config, emit, (context) => {
    const emission = { matmul, tile, config, context, emit }
    return {
      declarations: '',
      statements: [
        ...declare(emission),
        ...kLoop(emission),
        ...writeBack(
          context,
          { rows: context.tiles.height, place: (r) => r },
          upTo(tile.columns).map((v) => `column${v}`),
        ),
      ],
    }
  })
}

interface Emission {
  readonly matmul: Matmul
  readonly tile: SubgroupTile
  readonly config: Pick<TileConfig, 'kStep' | 'loadWidth'>
  readonly context: TemplateContext
  readonly emit: ScalarEmitter
}

/** The vectors of the left operand that a thread loads: one more for each subgroup size of rows. */
const leftVectors = ({ tile, context }: Emission): readonly number[] => upTo(Math.ceil(context.tiles.height / tile.threads))

/** MN-major: four threads load the four elements of K of a step for four rows; the first row of the thread's vector g. */
const mnMajorRows = ({ tile, context }: Emission, g: number): string =>
  `let left_vec4_${g} = (${context.tiles.firstIndex} + min(4u * (thread / 4u + ${(g * tile.threads) / 4}u), row_count - 4u)) / 4u;`

function declare(emission: Emission): readonly string[] {
  const { matmul, tile, context } = emission
  const inVec4 = takesVec4Columns(matmul, 4)
  const kMajor = context.rights.filter((p) => !isMnMajor(matmul.rights[p]))
  return [
    ...upTo(tile.columns).map((v) => threadColumn(v, tile.threads, inVec4)),
    ...(inVec4 ? threadVec4Columns(tile.columns, tile.threads, context) : []),
    ...upTo(tile.columns).flatMap((v) =>
      kMajor.map((p) => `let right${p}_${v} = right${p}_start(expert, ${clampedColumn(context, `column${v}`)});`),
    ),
    ...leftVectors(emission).map((g) =>
      isMnMajor(matmul.left)
        ? mnMajorRows(emission, g)
        : `let left${g} = left_start(${clampedRow(context.tiles, `thread + ${g * tile.threads}u`)});`,
    ),
    ...declareSums(context, context.tiles.height, tile.columns),
  ]
}

function kLoop(emission: Emission): readonly string[] {
  const { matmul, tile, context } = emission
  const { kSteps: depthUnits } = context
  const access = mnMajorAccess(emission)
  const single = (vectors: number): readonly string[] =>
    indent([...access.begin, ...step(emission, access, vectors), ...access.end], 1)
  const isWhole = isMultiple(matmul.k, 4 * tile.kVectors)
  const whole = isWhole || tile.kVectors === 1 ? depthUnits : `${depthUnits} / ${tile.kVectors}u * ${tile.kVectors}u`
  const loop = [...access.prepare, `var k = 0u;`, `for (; k < ${whole}; k += ${tile.kVectors}u) {`, ...single(tile.kVectors), '}']
  return isWhole || tile.kVectors === 1 ? loop : [...loop, `for (; k < ${depthUnits}; k++) {`, ...single(1), '}']
}

/** How MN-major operands are loaded. */
interface MnMajorAccess {
  readonly prepare: readonly string[]
  readonly begin: readonly string[]
  readonly end: readonly string[]
  readonly left: (g: number) => string
  readonly right: (p: number, vec4: number, u: number) => string
}

/**
 * Each thread computes one address of a step, which is its own for the left operand and broadcast to all threads for a right one.
 */
function mnMajorAccess({ matmul, config, context, emit }: Emission): MnMajorAccess {
  const { left, rights: operands } = matmul
  const leftAddress = isMnMajor(left) ? kAddress('left', left, config, context, emit, 'thread & 3u') : null
  const rights = operands.map((right, p) => (isMnMajor(right) ? kAddress(`right${p}`, right, config, context, emit) : null))
  const broadcastRights = context.rights.filter((p) => rights[p] !== null && !hasConstantStride(operands[p], context))
  const computesLeft = leftAddress !== null && !hasConstantStride(left, context)
  const index = '4u * k + (thread & 3u)'
  const inside = context.hasKTail ? `min(${index}, ${context.k.count} - 1u)` : index
  return {
    prepare: [...(leftAddress?.prepare ?? []), ...rights.flatMap((right) => right?.prepare ?? [])],
    begin: [
      ...(computesLeft || broadcastRights.length > 0 ? [`let k_index0 = ${context.k.at(inside)};`] : []),
      ...broadcastRights.map((p) => `let right${p}_own = ${rights[p]!.at(0)};`),
    ],
    end: [...(leftAddress?.advance ?? []), ...rights.flatMap((right) => right?.advance ?? [])],
    left: (g) => {
      const value = context.load(left, `${leftAddress!.at(0)} + left_vec4_${g}`)
      // zero behind the end of K
      return context.hasKTail ? `select(vec4<f32>(), ${value}, ${index} < ${context.k.count})` : value
    },
    right: (p, vec4, u) => {
      const at = broadcastRights.includes(p) ? `subgroupBroadcast(right${p}_own, ${u}u)` : rights[p]!.at(u)
      return context.load(operands[p], `${at} + columns4_${vec4}`)
    },
  }
}

/** The loads of one cache line are neighbours: columns a power of two apart evict each other. */
function step(emission: Emission, access: MnMajorAccess, vectors: number): readonly string[] {
  const { matmul, tile, context } = emission
  const steps = upTo(vectors)
  const at = (start: string, u: number): string => (u === 0 ? `${start} + k` : `${start} + k + ${u}u`)
  return [
    ...leftVectors(emission).flatMap((g) =>
      steps.map(
        (u) => `let a${g}_${u} = ${isMnMajor(matmul.left) ? access.left(g) : context.load(matmul.left, at(`left${g}`, u))};`,
      ),
    ),
    ...context.rights.filter((p) => isMnMajor(matmul.rights[p])).flatMap((p) => transposedRight(emission, access, p)),
    ...upTo(tile.columns).flatMap((v) =>
      context.rights
        .filter((p) => !isMnMajor(matmul.rights[p]))
        .flatMap((p) => steps.map((u) => `let b${p}_${v}_${u} = ${context.load(matmul.rights[p], at(`right${p}_${v}`, u))};`)),
    ),
    ...upTo(context.tiles.height).flatMap((r) =>
      steps.flatMap((u) => [
        `let x${r}_${u} = ${broadcast(emission, r, u)};`,
        ...upTo(tile.columns).flatMap((v) =>
          context.rights.map((p) => `s${p}_${r}_${v} += ${context.times(`x${r}_${u}`, `b${p}_${v}_${u}`)};`),
        ),
      ]),
    ),
  ]
}

function transposedRight({ tile }: Emission, access: MnMajorAccess, p: number): readonly string[] {
  return upTo(tile.columns / 4).flatMap((vec4) => {
    const vectors = upTo(4).map((u) => `c${p}_${vec4}_${u}`)
    return [
      ...vectors.map((vector, u) => `let ${vector} = ${access.right(p, vec4, u)};`),
      ...upTo(4).map((line) => `let b${p}_${4 * vec4 + line}_0 = ${transposedVec4(vectors, line)};`),
    ]
  })
}

/** A row's vector of K, from the thread that loaded it (K-major) or from the four threads that have its elements (MN-major). */
function broadcast({ matmul, tile }: Emission, r: number, u: number): string {
  if (!isMnMajor(matmul.left)) return `subgroupBroadcast(a${Math.floor(r / tile.threads)}_${u}, ${r % tile.threads}u)`
  const [vector, thread] = [Math.floor(r / tile.threads), 4 * (Math.floor(r / 4) % (tile.threads / 4))]
  const component = 'xyzw'[r & 3]
  return `vec4<f32>(${upTo(4)
    .map((d) => `subgroupBroadcast(a${vector}_0.${component}, ${thread + d}u)`)
    .join(', ')})`
}
