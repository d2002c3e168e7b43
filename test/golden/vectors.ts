/** Files of vectors, and how far a layer's results lie from them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { swapLastTwo, type HostTensor } from '../../compiler/reference/tensor.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import type { Case, Check, Expected, Routes, Tensors } from './case.ts'

export const pathOf = ({ file, precision }: Run): string => join(root, 'test/fixtures/golden', `${file}_${precision}.safetensors`)

export interface Run {
  readonly file: string
  readonly precision: 'f32' | 'f64'
}

type Files = Pick<Case, 'files' | 'precisions' | 'holdsInF32'>

/** Whether what a file holds can be compared in float32. */
function holdsInF32({ holdsInF32: holds }: Files, run: Run): boolean {
  if (holds === undefined) return true
  const exact: Run = { ...run, precision: 'f64' }
  return holds(readSafetensors(pathOf(existsSync(pathOf(exact)) ? exact : run)))
}

/** Every file in the precisions that there are, and that whoever computes can be compared in. */
export const runsOf = (one: Files, by: 'reference' | 'device'): readonly Run[] =>
  one.files
    .flatMap((file) => (one.precisions ?? ['f32', 'f64']).map((precision) => ({ file, precision })))
    .filter((run) => existsSync(pathOf(run)) && ((by === 'reference' && run.precision === 'f64') || holdsInF32(one, run)))

/** The tensors of a file, and those that are made of them. */
export function vectorsOf({ made }: Pick<Case, 'made'>, run: Run): Tensors {
  const vectors = readSafetensors(pathOf(run))
  return made === undefined ? vectors : { ...vectors, ...made(vectors) }
}

/** What is loaded in the place of a held value: the file has it the other way round. */
export const heldOf = (vectors: Tensors, held: string): Tensors => ({ 'moe.router.ev': swapLastTwo(vectors[held]) })

/** How close results have to come. */
const WITHIN = 1e-5
/** Scores that lie closer may be ranked either way. */
const TIE = 1e-6

type Numbers = ArrayLike<number>

/** NaN where a number is. */
const largest = (values: Numbers): number => Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)

const rows = (values: Numbers, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, row) => Array.from({ length: width }, (_, i) => values[row * width + i]))

/** Tokens whose k-th and next score are too close to tell apart. */
function tied(scores: HostTensor, k: number): ReadonlySet<number> {
  const ranked = rows(scores.values, scores.shape.at(-1)!).map((row) => row.toSorted((a, b) => b - a))
  return new Set(ranked.flatMap((row, token) => (k < row.length && row[k - 1] - row[k] < TIE ? [token] : [])))
}

const sameSet = (one: readonly number[], other: readonly number[]): boolean => one.toSorted().join() === other.toSorted().join()

type Outputs = Readonly<Record<string, { readonly values: Numbers }>>

interface Compared {
  readonly outputs: Outputs
  readonly vectors: Tensors
  /** Tokens that may be routed either way. */
  readonly open: ReadonlySet<number>
  readonly within: number
}

const missing = (got: readonly unknown[], want: readonly unknown[]): readonly string[] =>
  got.length === want.length ? [] : [`there are ${got.length} tokens, ${want.length} expected`]

const perToken = (
  want: readonly number[][],
  open: ReadonlySet<number>,
  problem: (row: number[], token: number) => string | null,
): readonly string[] => want.flatMap((row, token) => (open.has(token) ? [] : (problem(row, token) ?? [])))

function routesApart({ outputs, vectors, open, within }: Compared, { selected, weights }: Routes): readonly string[] {
  const k = vectors[selected].shape.at(-1)!
  const [want, wantWeights] = [rows(vectors[selected].values, k), weights === null ? null : rows(vectors[weights].values, k)]
  const [got, gotWeights] = [rows(outputs['moe.selected'].values, k), rows(outputs['moe.weights'].values, k)]
  return [
    ...missing(got, want),
    ...perToken(want, open, (experts, token) => {
      if (!sameSet(experts, got[token])) return `token ${token} goes to ${got[token].join(', ')}, expected ${experts.join(', ')}`
      const off = largest(
        experts.map((expert, slot) =>
          wantWeights === null ? 0 : gotWeights[token][got[token].indexOf(expert)] - wantWeights[token][slot],
        ),
      )
      return off <= within ? null : `the weights of token ${token} are off by ${off}`
    }),
  ]
}

function answersApart({ outputs, vectors, open, within }: Compared, y: string): readonly string[] {
  const width = vectors[y].shape.at(-1)!
  const [want, got] = [rows(vectors[y].values, width), rows(outputs.y.values, width)]
  return [
    ...missing(got, want),
    ...perToken(want, open, (row, token) => {
      const off = largest(row.map((value, i) => got[token][i] - value))
      return off <= within ? null : `the answer to token ${token} is off by ${off}`
    }),
  ]
}

const lossesApart = ({ outputs, vectors, within }: Compared, losses: NonNullable<Expected['losses']>): readonly string[] =>
  Object.entries(losses).flatMap(([name, of]) => {
    const off = Math.abs(outputs[name].values[0] - of(vectors))
    return off <= within ? [] : `${name} is off by ${off}`
  })

/** Everything that is amiss with the outputs of a layer; empty where they agree. */
export function problemsOf(
  outputs: Outputs,
  vectors: Tensors,
  { expected: { routes, y, losses }, within = WITHIN }: Check,
): readonly string[] {
  const scores = typeof routes?.scores === 'function' ? routes.scores(vectors) : vectors[routes?.scores ?? '']
  const open = routes === undefined ? new Set<number>() : tied(scores, vectors[routes.selected].shape.at(-1)!)
  const compared = { outputs, vectors, open, within }
  return [
    ...(routes === undefined ? [] : routesApart(compared, routes)),
    ...(y === undefined ? [] : answersApart(compared, y)),
    ...(losses === undefined ? [] : lossesApart(compared, losses)),
  ]
}
