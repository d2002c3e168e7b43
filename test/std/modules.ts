/** Modules of transformers as expressions of the library: what stands in a spec, and the tensor each weight lies in. */

export interface Module {
  /** The file under test/fixtures/std. */
  readonly name: string
  readonly imports: readonly string[]
  /** Over `x: f32[B, S, D]`, with D = 12. */
  readonly expression: string
  /** Statements before it. */
  readonly before?: readonly string[]
  /** Further inputs, as they are declared. */
  readonly inputs?: readonly string[]
  /** Path of a weight -> source, as they stand in a `weights` block without quotes around whole names. */
  readonly weights: Readonly<Record<string, string>>
}

const attentionOf = (name: string, options: string, weights: Module['weights'], ...imports: readonly string[]): Module => ({
  name,
  imports: ['attention from std/blocks/attention', ...imports],
  expression: `attention(x, ${options})`,
  weights: Object.fromEntries(Object.entries(weights).map(([path, source]) => [`attention.${path}`, source])),
})

const projections = { q: 'q_proj.weight', k: 'k_proj.weight', v: 'v_proj.weight', o: 'o_proj.weight' }
const headNorms = { 'q_norm.weight': 'q_norm.weight', 'k_norm.weight': 'k_norm.weight' }
const HEADS = 'heads = 4, groups = 2, C = 8'

const rope = (name: string, options: string, ...functions: readonly string[]): Module =>
  attentionOf(`rope-${name}`, `${HEADS}, ${options}`, projections, ...functions.map((one) => `${one} from std/blocks/rope`))

const longrope = (context: number): string =>
  `frequency = longrope_frequencies(4, S, [1.0, 1.1, 1.3, 1.7], [1.2, 2.5, 4, 9.5], context = ${context}.0, theta = 100.0), magnitude = longrope_magnitude(4.0, ${context}.0)`

const frequencies: readonly Module[] = [
  rope(
    'dynamic',
    'frequency = dynamic_frequencies(4, S, context = 6.0, theta = 100.0, factor = 3.0)',
    'dynamic_frequencies',
  ),
  rope(
    'yarn',
    'frequency = yarn_frequencies(4, theta = 100.0, factor = 4.0, context = 16.0), magnitude = yarn_magnitude(4.0)',
    'yarn_frequencies',
    'yarn_magnitude',
  ),
  rope(
    'yarn-exact',
    `frequency = yarn_frequencies(4, theta = 100.0, factor = 4.0, context = 16.0, fast = 3.0, truncate = false),
    magnitude = yarn_magnitude(4.0, weight = 0.8) / yarn_magnitude(4.0, weight = 0.4)`,
    'yarn_frequencies',
    'yarn_magnitude',
  ),
  rope('llama3', 'theta = 100.0, rope_scaling = "llama3", rope_factor = 4.0, rope_context = 32.0'),
  rope('longrope', longrope(8), 'longrope_frequencies', 'longrope_magnitude'),
  rope('longrope-short', longrope(32), 'longrope_frequencies', 'longrope_magnitude'),
]

const grouped: readonly Module[] = [
  attentionOf('partial', `${HEADS}, theta = 100.0, rotated = 4, norms = "head"`, { ...projections, ...headNorms }),
  attentionOf('interleaved', `${HEADS}, theta = 500000.0, interleaved = true`, projections),
  attentionOf(
    'sinks',
    `${HEADS}, theta = 100.0, window = 4, biases = true, output_bias = true, sinks = true`,
    {
      ...projections,
      q_bias: 'q_proj.bias',
      k_bias: 'k_proj.bias',
      v_bias: 'v_proj.bias',
      o_bias: 'o_proj.bias',
      sink: 'sinks',
    },
  ),
  attentionOf('soft-cap', `${HEADS}, scale = 1.0 / sqrt(12), cap = 1.5`, projections),
  attentionOf('norm-after', `${HEADS}, norms = "head_after"`, {
    ...projections,
    'q_norm.weight': 'query_layernorm.weight',
    'k_norm.weight': 'key_layernorm.weight',
  }),
  attentionOf('norm-row', `${HEADS}, theta = 100.0, norms = "row", eps = 1e-6, rotated = 6`, { ...projections, ...headNorms }),
  attentionOf('no-rotary', `${HEADS}, norms = "head", rotary = false`, { ...projections, ...headNorms }),
  {
    ...attentionOf('padded', `${HEADS}, bidirectional = true, padded = true, present = present`, projections),
    inputs: ['present: bool[B, S]'],
  },
  attentionOf(
    'shared-values',
    `heads = 4, groups = 1, C = 8, norms = "head", eps = 1e-6, value = "key", value_norm = true, scale = 1.0,
    frequency = proportional_frequencies(4, 1, theta = 1e6)`,
    { q: 'q_proj.weight', k: 'k_proj.weight', o: 'o_proj.weight', ...headNorms },
    'proportional_frequencies from std/blocks/rope',
  ),
]

const latentOf = (name: string, options: string, weights: Module['weights'], ...imports: readonly string[]): Module => ({
  name,
  imports: ['latent_attention from std/blocks/latent_attention', ...imports],
  expression: `latent_attention(x, heads = 2, kv_rank = 8, plain = 4, rotated = 6, width = 5, ${options}) as latent`,
  weights: Object.fromEntries(
    Object.entries({
      kv_a: 'kv_a_proj_with_mqa.weight',
      'kv_norm.weight': 'kv_a_layernorm.weight',
      kv_b: 'kv_b_proj.weight',
      o: 'o_proj.weight',
      ...weights,
    }).map(([path, source]) => [`latent.${path}`, source]),
  ),
})

const lowRank = { q_a: 'q_a_proj.weight', 'q_norm.weight': 'q_a_layernorm.weight', q_b: 'q_b_proj.weight' }

const latent: readonly Module[] = [
  latentOf('latent-v2', 'theta = 10000.0', { q: 'q_proj.weight' }),
  latentOf(
    'latent-v3',
    `q_rank = 7, biases = true,
    frequency = yarn_frequencies(3, theta = 100.0, factor = 4.0, context = 16.0),
    magnitude = yarn_magnitude(4.0) / yarn_magnitude(4.0, weight = 0.7),
    scale = yarn_magnitude(4.0, weight = 0.7) * yarn_magnitude(4.0, weight = 0.7) / sqrt(10)`,
    { ...lowRank, q_a_bias: 'q_a_proj.bias', kv_a_bias: 'kv_a_proj_with_mqa.bias', o_bias: 'o_proj.bias' },
    'yarn_frequencies from std/blocks/rope',
    'yarn_magnitude from std/blocks/rope',
  ),
  latentOf('latent-halves', 'q_rank = 7, interleaved = false', lowRank),
]

export const modules: readonly Module[] = [...frequencies, ...grouped, ...latent]

/** The spec of a module, laid out as it comes. */
export function textOf({ imports, expression, before = [], inputs = [], weights }: Module): string {
  const imported = imports.map((one) => {
    const [name, from] = one.split(' from ')
    return `import { ${name} } from "${from}"`
  })
  const sources = Object.entries(weights).map(([path, source]) => {
    const [tensor, slices] = source.split(/(?=\[)/)
    return `    ${path} = "${tensor}"${slices ?? ''}`
  })
  return [
    ...imported,
    'model module(D: int = 12) {',
    '  input x: f32[B, S, D]',
    ...inputs.map((one) => `  input ${one}`),
    ...before.map((one) => `  ${one}`),
    `  output y: f32[B, S, D] = ${expression}`,
    '  weights {',
    ...sources,
    '  }',
    '}',
    '',
  ].join('\n')
}
