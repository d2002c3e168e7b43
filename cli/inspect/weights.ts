/** The weights of a routed layer, streamed: norms, similarity, spectra, and the difference from another checkpoint's. */
import { relativeDifference, rowAngles } from '../../analysis/inspect/difference.ts'
import { addGram, cosinesOf, normsOf } from '../../analysis/inspect/gram.ts'
import type { LayerDifference, LayerWeights, RouterRows, Spectrum } from '../../analysis/inspect/layer.ts'
import { similarityOf } from '../../analysis/inspect/similarity.ts'
import { effectiveRank, randomRank, rankVerdict, singularValues } from '../../analysis/inspect/spectrum.ts'
import type { WeightPort } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { collapse, randomRows, routerVerdict } from '../../runtime/routing/collapse.ts'
import type { ExpertLayer } from '../prune/layers.ts'
import { readPorts } from '../run/reference.ts'
import { expertMatrices, piecesOf, readMatrix, type ExpertMatrix } from './read.ts'

/** A routed layer, its router's weights with a row for each expert, and where the numbers are. */
export interface Inspected {
  readonly layer: ExpertLayer
  readonly routers: readonly WeightPort[]
  readonly checkpoint: Checkpoint
}

/** Multiply-adds that are done. */
export type OnWork = (count: number) => void

export const inspectedLayers = (
  layers: readonly ExpertLayer[],
  ports: readonly WeightPort[],
  checkpoint: Checkpoint,
): readonly Inspected[] =>
  layers.map((layer) => ({
    layer,
    checkpoint,
    routers: ports.filter(
      ({ name, shape }) => name.startsWith(`${layer.path}.router.`) && shape.length === 2 && Number(shape[0]) === layer.experts,
    ),
  }))

/** Multiply-adds for an inner product of each pair of experts, over so many numbers of each. */
const pairWork = (experts: number, numbers: number): number => (numbers * experts * (experts + 1)) / 2

/** For W W^T, and for its eigenvalues. */
function spectrumWork(rows: number, columns: number): number {
  const [n, length] = [Math.min(rows, columns), Math.max(rows, columns)]
  return (n * n * length) / 2 + (4 / 3) * n ** 3
}

const matrixSizes = ({ layer: { own } }: Inspected): readonly (readonly [rows: number, columns: number])[] =>
  own.flatMap(({ shape }) => (shape.length === 3 ? [[Number(shape[1]), Number(shape[2])] as const] : []))

/** Of `layerWeights`. */
export const weightWork = (inspected: Inspected, spectra: number): number =>
  matrixSizes(inspected).reduce((sum, [rows, columns]) => {
    const { experts } = inspected.layer
    return sum + pairWork(experts, rows * columns) + Math.min(spectra, experts) * spectrumWork(rows, columns)
  }, 0)

/** Of `layerDifference`. */
export const differenceWork = (inspected: Inspected): number =>
  matrixSizes(inspected).reduce((sum, [rows, columns]) => sum + inspected.layer.experts * rows * columns, 0)

async function routersOf({ routers, checkpoint, layer: { experts } }: Inspected): Promise<readonly RouterRows[]> {
  const values = await readPorts(routers, checkpoint)
  return routers.map(({ name }) => {
    const rows = values[name]
    const width = rows.length / experts
    const [found, random] = [collapse(rows, width), randomRows(experts, width)]
    const norms = Array.from({ length: experts }, (_, e) => Math.hypot(...rows.subarray(e * width, (e + 1) * width)))
    return { weight: name, ...found, random, verdict: routerVerdict(found, random), norms }
  })
}

const TOP = 8
const CURVE = 33

/** Experts at even distances, from the first on; all where there are no more. */
export const chosenExperts = (experts: number, count: number): readonly number[] =>
  Array.from({ length: Math.min(count, experts) }, (_, at) => Math.floor((at * experts) / Math.min(count, experts)))

async function spectrumOf(matrix: ExpertMatrix, expert: number): Promise<Spectrum> {
  const { name, rows, columns } = matrix
  const values = singularValues(await readMatrix(matrix, expert), rows, columns)
  const [rank, random] = [effectiveRank(values), randomRank(rows, columns)]
  const place = (at: number): number => Math.round((at * (values.length - 1)) / (CURVE - 1))
  return {
    weight: name,
    expert,
    rows,
    columns,
    top: [...values.subarray(0, TOP)],
    curve: Array.from({ length: CURVE }, (_, at) => (values[0] === 0 ? 0 : values[place(at)] / values[0])),
    effectiveRank: rank,
    random,
    verdict: rankVerdict(rank, random),
  }
}

/** Streams the layer; `spectra` experts of it are decomposed. */
export async function layerWeights(inspected: Inspected, spectra: number, onWork: OnWork): Promise<LayerWeights> {
  const { path, experts, own } = inspected.layer
  const matrices = expertMatrices(own, inspected.checkpoint)
  const gram = new Float64Array(experts * experts)
  let numbers = 0
  for (const matrix of matrices) {
    numbers += matrix.rows * matrix.columns
    for await (const { values, width } of piecesOf(matrix)) {
      addGram(gram, values, experts, width)
      onWork(pairWork(experts, width))
    }
  }
  const found: Spectrum[] = []
  for (const expert of chosenExperts(experts, spectra))
    for (const matrix of matrices) {
      found.push(await spectrumOf(matrix, expert))
      onWork(spectrumWork(matrix.rows, matrix.columns))
    }
  return {
    layer: path,
    experts,
    routers: await routersOf(inspected),
    norms: normsOf(gram, experts),
    similarity: similarityOf(cosinesOf(gram, experts), experts, numbers),
    spectra: found,
  }
}

const squareDifference = (a: Float32Array | Float64Array, b: Float32Array | Float64Array, from: number, end: number): number => {
  let sum = 0
  for (let at = from; at < end; at++) sum += (a[at] - b[at]) ** 2
  return sum
}

const squares = (a: Float64Array): number => a.reduce((sum, value) => sum + value * value, 0)

const shapes = (ports: readonly WeightPort[]): string => ports.map(({ name, shape }) => `${name}[${shape.join()}]`).join(' ')

/** Whether both layers have the same weights. */
export const areComparable = (one: Inspected, other: Inspected): boolean =>
  shapes(one.layer.own) === shapes(other.layer.own) && shapes(one.routers) === shapes(other.routers)

/** Streams both layers, whose weights have the same shapes. */
export async function layerDifference(
  one: Inspected,
  other: Inspected,
  norms: readonly number[],
  onWork: OnWork,
): Promise<Pick<LayerDifference, 'experts' | 'routers'>> {
  const { experts, own } = one.layer
  const sums = new Float64Array(experts)
  const others = expertMatrices(other.layer.own, other.checkpoint)
  for (const [at, matrix] of expertMatrices(own, one.checkpoint).entries()) {
    const beside = piecesOf(others[at])
    for await (const { values, width } of piecesOf(matrix)) {
      const { value } = await beside.next()
      for (let e = 0; e < experts; e++) sums[e] += squareDifference(values, value!.values, e * width, (e + 1) * width)
      onWork(values.length)
    }
  }
  const [a, b] = [await readPorts(one.routers, one.checkpoint), await readPorts(other.routers, other.checkpoint)]
  return {
    experts: [...sums].map((sum, e) => relativeDifference(sum, norms[e] ** 2)),
    routers: one.routers.map(({ name }) => ({
      weight: name,
      relative: relativeDifference(squareDifference(a[name], b[name], 0, a[name].length), squares(a[name])),
      angles: rowAngles(a[name], b[name], a[name].length / experts),
    })),
  }
}
