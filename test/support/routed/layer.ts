/** A routed layer in whole numbers: what it requires, as a spec, and the tensors it reads. Every sum in it is exact in f32. */
import { hostTensor, type HostTensor } from '../../../compiler/reference/tensor.ts'
import { uniform } from '../random.ts'

export type Limit =
  /** The factor as it is written: `1.25`. */
  | { readonly kind: 'capacity'; readonly factor: string; readonly overflow: 'drop' | 'next' | 'shared' }
  | { readonly kind: 'at-most'; readonly tokens: number }

export interface Rules {
  readonly limit?: Limit
  readonly groups?: { readonly count: number; readonly keep: number }
  /** Added to the scores that select. */
  readonly bias?: readonly number[]
  readonly expertChoice?: boolean
  /** The policy leaves out what it selects at this score and below. */
  readonly above?: number
  /** Experts that are evaluated for every token. */
  readonly shared?: number
  /** Requirements that decide nothing: `dropless`. */
  readonly words?: readonly string[]
}

export interface Layer {
  readonly E: number
  readonly k: number
  /** Columns of a token behind its scores. */
  readonly features: number
  /** Width inside of an expert. */
  readonly F: number
  readonly rules: Rules
}

/** With more experts, what they answer depends on the features alone, so that sums stay small. */
const EXPERTS_READ_SCORES = 16

export const width = ({ E, features }: Pick<Layer, 'E' | 'features'>): number => E + features

/** How far scores may lie from 0. */
export const reach = ({ E }: Pick<Layer, 'E'>): number => (E > EXPERTS_READ_SCORES ? 99 : 9)

function clauses({ limit, groups, bias, expertChoice, shared, words = [] }: Rules): readonly string[] {
  const required = [
    ...(limit?.kind === 'capacity' ? [`capacity ${limit.factor} overflow ${limit.overflow}`] : []),
    ...(limit?.kind === 'at-most' ? [`at most ${limit.tokens} tokens an expert`] : []),
    ...(groups === undefined ? [] : [`groups ${groups.count} keep ${groups.keep}`]),
    ...(bias === undefined ? [] : ['bias balanced at 0.001']),
    ...(expertChoice === true ? ['expert choice'] : []),
    ...words,
  ]
  return [...(shared === undefined ? [] : [`shared ${shared} of bilinear(F = F)`]), ...required.map((one) => `require ${one}`)]
}

/** The scores are the first E numbers of a token. */
export const textOf = (layer: Layer): string => `policy own(k: int) {
  param gate: f32[E, D]
  let s = x @ gate.T
  select top k by s
${layer.rules.above === undefined ? '' : `  keep pick(s, selected) > ${layer.rules.above}\n`}  weigh pick(s, selected)
}

expert bilinear(x: f32[T, D], F: int) -> f32[T, D] {
  param gate: f32[F, D]
  param up: f32[F, D]
  param down: f32[D, F]
  return ((x @ gate.T) * (x @ up.T)) @ down.T
}

model routed(D: int = ${width(layer)}, E: int = ${layer.E}, F: int = ${layer.F}) {
  input x: f32[B, S, D]
  output y = moe(x) {
    experts E of bilinear(F = F)
    route own(k = ${layer.k})
${clauses(layer.rules)
  .map((clause) => `    ${clause}\n`)
  .join('')}  }
}
`

/** One expert's matrices, row-major. */
export interface Expert {
  /** [F, D]. */
  readonly gate: Float64Array
  /** [F, D]. */
  readonly up: Float64Array
  /** [D, F]. */
  readonly down: Float64Array
}

export interface Weights {
  readonly experts: readonly Expert[]
  readonly shared: readonly Expert[]
  /** By their paths. */
  readonly tensors: Readonly<Record<string, HostTensor>>
}

const MATRICES = ['gate', 'up', 'down'] as const

/** Numbers of -1, 0 and 1, the same for the same seed; expert reads nothing from columns below `first`. */
function expertOf(
  { F, D, first }: { readonly F: number; readonly D: number; readonly first: number },
  next: () => number,
): Expert {
  const sign = (): number => Math.floor(next() * 3) - 1
  const reading = (): Float64Array => Float64Array.from({ length: F * D }, (_, at) => (at % D < first ? 0 : sign()))
  return { gate: reading(), up: reading(), down: Float64Array.from({ length: D * F }, sign) }
}

const identity = (rows: number, columns: number): HostTensor =>
  hostTensor(
    [rows, columns],
    'f32',
    Float64Array.from({ length: rows * columns }, (_, at) => (Math.floor(at / columns) === at % columns ? 1 : 0)),
  )

export function weightsOf(layer: Layer, seed: number): Weights {
  const { E, F, rules } = layer
  const D = width(layer)
  const next = uniform(seed)
  const make = (count: number): readonly Expert[] =>
    Array.from({ length: count }, () => expertOf({ F, D, first: E > EXPERTS_READ_SCORES ? E : 0 }, next))
  const [experts, shared] = [make(E), make(rules.shared ?? 0)]
  const shapeOf = (name: keyof Expert): readonly number[] => (name === 'down' ? [D, F] : [F, D])
  const bank = (name: keyof Expert): HostTensor =>
    hostTensor([E, ...shapeOf(name)], 'f32', Float64Array.from(experts.flatMap((one) => [...one[name]])))
  const pathOf = (at: number): string => (shared.length === 1 ? 'moe.shared' : `moe.shared.${at}`)
  const tensors = {
    'moe.router.gate': identity(E, D),
    ...(rules.bias === undefined ? {} : { 'moe.router.balance_bias': hostTensor([E], 'f32', Float64Array.from(rules.bias)) }),
    ...Object.fromEntries(MATRICES.map((name) => [`moe.experts.${name}`, bank(name)])),
    ...Object.fromEntries(
      shared.flatMap((one, at) => MATRICES.map((name) => [`${pathOf(at)}.${name}`, hostTensor(shapeOf(name), 'f32', one[name])])),
    ),
  }
  return { experts, shared, tensors }
}
