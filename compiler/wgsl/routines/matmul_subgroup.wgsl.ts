/**
 * A matrix product for processors that run a subgroup as one thread. A subgroup makes a tile of `rows` rows by `columns` columns
 * a lane. Each lane loads the left vectors of its own rows and broadcasts them, each vector of the weights serves all rows of the
 * tile: nothing is loaded twice, and no barrier is needed.
 */
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { anyAlongLines, depthAddress, isEven, laneColumn, laneQuads, liesAlongLines, takesQuads, turned } from './lines.ts'
import {
  clampedColumn,
  clampedRow,
  declareSums,
  finishBlock,
  frameMatmul,
  indent,
  isMultiple,
  upTo,
  type Cut,
  type Parts,
} from './matmul-frame.ts'

export interface SubgroupTile {
  /** Lanes of a subgroup. */
  readonly lanes: number
  /** Best a multiple of the lanes. */
  readonly rows: number
  /** Columns of a lane. */
  readonly columns: number
  /** Vectors of depth in a step of the loop. */
  readonly depth: number
  readonly next: 'rows' | 'columns'
  /** Column tiles that a workgroup makes one after the other; 1 unless given. */
  readonly run?: number
}

/**
 * Needs aligned operands and a subgroup of exactly `lanes` lanes. With operands along their lines the lanes are a multiple of four, and so are the
 * rows or the columns of the tile that they are.
 */
export function emitMatmulSubgroup(matmul: Matmul, wanted: SubgroupTile, spell: Speller): RoutineText {
  const tile = anyAlongLines(matmul) ? { ...wanted, depth: 1 } : wanted
  const cut = {
    rows: tile.rows,
    columns: tile.columns * tile.lanes,
    lanes: tile.lanes,
    next: tile.next,
    run: tile.run,
    needsSubgroups: true,
    workgroupBytes: 0,
    step: 4,
    width: (): 4 => 4,
  } as const
  return frameMatmul(matmul, cut, spell, (parts) => {
    const writing = { matmul, tile, cut, parts, spell }
    return {
      declarations: '',
      statements: [
        ...declare(writing),
        ...depthLoop(writing),
        ...finishBlock(
          parts,
          { rows: parts.tiles.height, place: (r) => r },
          upTo(tile.columns).map((v) => `column${v}`),
        ),
      ],
    }
  })
}

interface Writing {
  readonly matmul: Matmul
  readonly tile: SubgroupTile
  readonly cut: Pick<Cut, 'step' | 'width'>
  readonly parts: Parts
  readonly spell: Speller
}

/** Rows of a tile beyond the lanes take another vector a lane. */
const leftVectors = ({ tile, parts }: Writing): readonly number[] => upTo(Math.ceil(parts.tiles.height / tile.lanes))

/** Four lanes hold the four depths of a step for four rows along the lines: the first row of lane's vector g. */
const rowsAlongLines = ({ tile, parts }: Writing, g: number): string =>
  `let left_quad${g} = (${parts.tiles.firstLine} + min(4u * (lane / 4u + ${(g * tile.lanes) / 4}u), row_count - 4u)) / 4u;`

function declare(writing: Writing): readonly string[] {
  const { matmul, tile, parts } = writing
  const inQuads = takesQuads(matmul, 4)
  const alongDepth = parts.products.filter((p) => !liesAlongLines(matmul.products[p]))
  return [
    ...upTo(tile.columns).map((v) => laneColumn(v, tile.lanes, inQuads)),
    ...(inQuads ? laneQuads(tile.columns, tile.lanes, parts) : []),
    ...upTo(tile.columns).flatMap((v) =>
      alongDepth.map((p) => `let bank${p}_${v} = bank${p}_start(expert, ${clampedColumn(parts, `column${v}`)});`),
    ),
    ...leftVectors(writing).map((g) =>
      liesAlongLines(matmul.left)
        ? rowsAlongLines(writing, g)
        : `let left${g} = left_start(${clampedRow(parts.tiles, `lane + ${g * tile.lanes}u`)});`,
    ),
    ...declareSums(parts, parts.tiles.height, tile.columns),
  ]
}

function depthLoop(writing: Writing): readonly string[] {
  const { matmul, tile, parts } = writing
  const { depthUnits } = parts
  const lines = linesOf(writing)
  const single = (depth: number): readonly string[] => indent([...lines.begin, ...step(writing, lines, depth), ...lines.end], 1)
  const isWhole = isMultiple(matmul.depth, 4 * tile.depth)
  const whole = isWhole || tile.depth === 1 ? depthUnits : `${depthUnits} / ${tile.depth}u * ${tile.depth}u`
  const loop = [...lines.prepare, `var k = 0u;`, `for (; k < ${whole}; k += ${tile.depth}u) {`, ...single(tile.depth), '}']
  return isWhole || tile.depth === 1 ? loop : [...loop, `for (; k < ${depthUnits}; k++) {`, ...single(1), '}']
}

/** How operands along their lines are found. */
interface Lines {
  readonly prepare: readonly string[]
  readonly begin: readonly string[]
  readonly end: readonly string[]
  readonly left: (g: number) => string
  readonly bank: (p: number, quad: number, u: number) => string
}

/** Each lane finds the one depth of a step that it brings of the left operand; those of a bank are handed on to all lanes. */
function linesOf({ matmul, cut, parts, spell }: Writing): Lines {
  const { left, products } = matmul
  const leftAddress = liesAlongLines(left) ? depthAddress('left', left, cut, parts, spell, 'lane & 3u') : null
  const banks = products.map((product, p) =>
    liesAlongLines(product) ? depthAddress(`bank${p}`, product, cut, parts, spell) : null,
  )
  const sought = parts.products.filter((p) => banks[p] !== null && !isEven(products[p], parts))
  const seeksLeft = leftAddress !== null && !isEven(left, parts)
  const place = '4u * k + (lane & 3u)'
  const inside = parts.isPartFull ? `min(${place}, ${parts.depth.count} - 1u)` : place
  return {
    prepare: [...(leftAddress?.prepare ?? []), ...banks.flatMap((bank) => bank?.prepare ?? [])],
    begin: [
      ...(seeksLeft || sought.length > 0 ? [`let depth0 = ${parts.depth.at(inside)};`] : []),
      ...sought.map((p) => `let bank${p}_mine = ${banks[p]!.at(0)};`),
    ],
    end: [...(leftAddress?.advance ?? []), ...banks.flatMap((bank) => bank?.advance ?? [])],
    left: (g) => {
      const value = parts.load(left, `${leftAddress!.at(0)} + left_quad${g}`)
      // what the depth lacks counts nothing
      return parts.isPartFull ? `select(vec4<f32>(), ${value}, ${place} < ${parts.depth.count})` : value
    },
    bank: (p, quad, u) => {
      const at = sought.includes(p) ? `subgroupBroadcast(bank${p}_mine, ${u}u)` : banks[p]!.at(u)
      return parts.load(products[p], `${at} + quad${quad}`)
    },
  }
}

/** All that is read of one line of the cache is read together: columns a power of two apart push each other out. */
function step(writing: Writing, lines: Lines, depth: number): readonly string[] {
  const { matmul, tile, parts } = writing
  const steps = upTo(depth)
  const at = (start: string, u: number): string => (u === 0 ? `${start} + k` : `${start} + k + ${u}u`)
  return [
    ...leftVectors(writing).flatMap((g) =>
      steps.map(
        (u) => `let a${g}_${u} = ${liesAlongLines(matmul.left) ? lines.left(g) : parts.load(matmul.left, at(`left${g}`, u))};`,
      ),
    ),
    ...parts.products.filter((p) => liesAlongLines(matmul.products[p])).flatMap((p) => turnedBank(writing, lines, p)),
    ...upTo(tile.columns).flatMap((v) =>
      parts.products
        .filter((p) => !liesAlongLines(matmul.products[p]))
        .flatMap((p) => steps.map((u) => `let b${p}_${v}_${u} = ${parts.load(matmul.products[p], at(`bank${p}_${v}`, u))};`)),
    ),
    ...upTo(parts.tiles.height).flatMap((r) =>
      steps.flatMap((u) => [
        `let x${r}_${u} = ${broadcast(writing, r, u)};`,
        ...upTo(tile.columns).flatMap((v) =>
          parts.products.map((p) => `s${p}_${r}_${v} += ${parts.times(`x${r}_${u}`, `b${p}_${v}_${u}`)};`),
        ),
      ]),
    ),
  ]
}

function turnedBank({ tile }: Writing, lines: Lines, p: number): readonly string[] {
  return upTo(tile.columns / 4).flatMap((quad) => {
    const vectors = upTo(4).map((u) => `c${p}_${quad}_${u}`)
    return [
      ...vectors.map((vector, u) => `let ${vector} = ${lines.bank(p, quad, u)};`),
      ...upTo(4).map((line) => `let b${p}_${4 * quad + line}_0 = ${turned(vectors, line)};`),
    ]
  })
}

/** A row's vector of depth from the lane that loaded it, or from the four lanes that have its depths. */
function broadcast({ matmul, tile }: Writing, r: number, u: number): string {
  if (!liesAlongLines(matmul.left)) return `subgroupBroadcast(a${Math.floor(r / tile.lanes)}_${u}, ${r % tile.lanes}u)`
  const [vector, lane] = [Math.floor(r / tile.lanes), 4 * (Math.floor(r / 4) % (tile.lanes / 4))]
  const component = 'xyzw'[r & 3]
  return `vec4<f32>(${upTo(4)
    .map((d) => `subgroupBroadcast(a${vector}_0.${component}, ${lane + d}u)`)
    .join(', ')})`
}
