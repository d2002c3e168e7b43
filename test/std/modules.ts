/** Modules of transformers as expressions of the library: the text in a spec, and the tensor of each weight. */

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
  rope('dynamic', 'frequency = dynamic_frequencies(4, S, context = 6.0, theta = 100.0, factor = 3.0)', 'dynamic_frequencies'),
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
  attentionOf('sinks', `${HEADS}, theta = 100.0, window = 4, biases = true, output_bias = true, sinks = true`, {
    ...projections,
    q_bias: 'q_proj.bias',
    k_bias: 'k_proj.bias',
    v_bias: 'v_proj.bias',
    o_bias: 'o_proj.bias',
    sink: 'sinks',
  }),
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
    theta = 1e6, turning = 1`,
    { q: 'q_proj.weight', k: 'k_proj.weight', o: 'o_proj.weight', ...headNorms },
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

const others: readonly Module[] = [
  {
    name: 'mixture-of-attention',
    imports: ['mixture_of_attention from std/blocks/mixture_of_attention'],
    expression: 'mixture_of_attention(x, E = 4, k = 2, groups = 2, C = 4) as mixture',
    weights: {
      'mixture.gate': 'experts.router.layer.weight',
      'mixture.query': 'experts.input_linear.weight',
      'mixture.key': 'kv_proj.weight[0:8]',
      'mixture.value': 'kv_proj.weight[8:16]',
      'mixture.output': 'experts.output_linear.weight',
      'mixture.bias': 'experts.bias',
    },
  },
  {
    name: 'geglu-mlp',
    imports: ['geglu_mlp from std/blocks/mlp'],
    expression: 'geglu_mlp(x, F = 8) as mlp',
    weights: { 'mlp.gate': 'gate_proj.weight', 'mlp.up': 'up_proj.weight', 'mlp.down': 'down_proj.weight' },
  },
  {
    name: 'short-convolution',
    imports: ['short_convolution from std/blocks/short_convolution'],
    expression: 'short_convolution(x, taps = 3, biases = true) as convolution',
    weights: {
      'convolution.open': 'in_proj.weight',
      'convolution.open_bias': 'in_proj.bias',
      'convolution.kernel': 'conv.weight[:, 0]',
      'convolution.kernel_bias': 'conv.bias',
      'convolution.close': 'out_proj.weight',
      'convolution.close_bias': 'out_proj.bias',
    },
  },
]

const moe = (input: string, experts: string, route: string, ...more: readonly string[]): string =>
  `moe(${input}) {\n    experts ${experts}\n    route ${route}\n${more.map((clause) => `    ${clause}\n`).join('')}  }`

/** The first rows of each expert are its gate, the others its up projection. */
const fused = (bank: string, down: string, inner: number): Module['weights'] => ({
  'moe.experts.gate': `${bank}[:, 0:${inner}]`,
  'moe.experts.up': `${bank}[:, ${inner}:${2 * inner}]`,
  'moe.experts.down': down,
})
const BANK = fused('experts.gate_up_proj', 'experts.down_proj', 8)
const SHARED = {
  'moe.shared.gate': 'shared_experts.gate_proj.weight',
  'moe.shared.up': 'shared_experts.up_proj.weight',
  'moe.shared.down': 'shared_experts.down_proj.weight',
}

const routedBy = (
  name: string,
  policy: string,
  route: string,
  weights: Module['weights'],
  ...more: readonly string[]
): Module => ({
  name: `experts-${name}`,
  imports: ['swiglu from std/experts/swiglu', `${route.split('(')[0]} from std/policies/${policy}`],
  expression: moe('x', '6 of swiglu(F = 8)', route, ...more),
  weights: { ...BANK, ...weights },
})

/** Rows of one tensor, expert after expert. */
const rows = (tensor: string): string => `${tensor}[e * 8:(e + 1) * 8]`

const routed: readonly Module[] = [
  routedBy('minimax', 'biased_top_k', 'biased_top_k(k = 2)', {
    'moe.router.gate': 'gate.weight',
    'moe.router.bias': 'e_score_correction_bias',
  }),
  routedBy('lfm2', 'biased_top_k', 'biased_top_k(k = 2, added = 1e-6, scale = 1.5)', {
    'moe.router.gate': 'gate.weight',
    'moe.router.bias': 'expert_bias',
  }),
  routedBy(
    'ernie',
    'biased_top_k',
    'biased_top_k(k = 3, scores = "softmax", least = 1e-12)',
    { 'moe.router.gate': 'gate.weight', 'moe.router.bias': 'gate.moe_statics.e_score_correction_bias[0]', ...SHARED },
    'shared 1 of swiglu(F = 16)',
  ),
  routedBy('phimoe', 'sparse_mixer', 'sparse_mixer(jitter = 0.2)', { 'moe.router.gate': 'router.weight' }),
  {
    ...routedBy('dbrx', 'top_k', 'top_k(k = 3, power = 2.0)', {}),
    weights: {
      'moe.router.gate': 'router.layer.weight',
      'moe.experts.{e}.gate': rows('experts.mlp.w1'),
      'moe.experts.{e}.up': rows('experts.mlp.v1'),
      'moe.experts.{e}.down': `${rows('experts.mlp.w2')}.T`,
    },
  },
  routedBy(
    'deepseek-v2',
    'group_limited_top_k',
    'group_limited_top_k(k = 2, groups = 3, keep = 2, scale = 1.5)',
    { 'moe.router.gate': 'gate.weight', ...SHARED },
    'shared 1 of swiglu(F = 16)',
  ),
  routedBy(
    'deepseek-v2-greedy',
    'top_k',
    'top_k(k = 2, renormalise = false, scale = 1.5)',
    { 'moe.router.gate': 'gate.weight', ...SHARED },
    'shared 1 of swiglu(F = 8)',
  ),
  {
    name: 'experts-jetmoe',
    imports: ['swiglu from std/experts/swiglu', 'softmax_of_top_k from std/policies/softmax_of_top_k'],
    before: ['param bias: f32[D]'],
    expression: `${moe('x', '4 of swiglu(F = 8)', 'softmax_of_top_k(k = 2)')} + bias`,
    weights: {
      ...fused('input_linear.weight', 'output_linear.weight', 8),
      'moe.router.gate': 'router.layer.weight',
      bias: 'bias',
    },
  },
  {
    name: 'experts-gemma4',
    imports: [
      'scaled_geglu from std/experts/geglu',
      'unit_rms from std/blocks/norm',
      'scaled_top_k from std/policies/scaled_top_k',
    ],
    before: ['param factor: f32[D]'],
    expression: moe('unit_rms(x, eps = 1e-6)', '6 of scaled_geglu(factor = factor, F = 8)', 'scaled_top_k(k = 2)'),
    weights: {
      ...BANK,
      factor: 'pre_feedforward_layernorm_2.weight',
      'moe.router.gate': 'router.proj.weight',
      'moe.router.input_scale': 'router.scale',
      'moe.router.expert_scale': 'router.per_expert_scale',
    },
  },
]

const encoder: Module = {
  name: 'encoder-layer',
  imports: [
    'attention from std/blocks/attention',
    'layer_norm from std/blocks/norm',
    'gelu_mlp from std/experts/gelu_mlp',
    'top_k from std/policies/top_k',
  ],
  before: [
    'param bias: f32[D]',
    'let mixed = attention(x, heads = 2, biases = true, output_bias = true, bidirectional = true)',
    'let h = layer_norm(x + mixed) as attention_norm',
    `let answer = ${moe('h', '4 of gelu_mlp(F = 8, biases = false)', 'top_k(k = 2, renormalise = false)')}`,
  ],
  expression: 'layer_norm(h + answer + bias) as moe_norm',
  weights: {
    'attention.q': 'attn.Wqkv.weight[0:12]',
    'attention.k': 'attn.Wqkv.weight[12:24]',
    'attention.v': 'attn.Wqkv.weight[24:36]',
    'attention.o': 'attn.out_proj.weight',
    'attention.q_bias': 'attn.Wqkv.bias[0:12]',
    'attention.k_bias': 'attn.Wqkv.bias[12:24]',
    'attention.v_bias': 'attn.Wqkv.bias[24:36]',
    'attention.o_bias': 'attn.out_proj.bias',
    'attention_norm.weight': 'norm1.weight',
    'attention_norm.bias': 'norm1.bias',
    'moe_norm.weight': 'norm2.weight',
    'moe_norm.bias': 'norm2.bias',
    'moe.router.gate': 'mlp.router.layer.weight',
    'moe.experts.{e}.up': rows('mlp.experts.mlp.w1'),
    'moe.experts.{e}.down': `${rows('mlp.experts.mlp.w2')}.T`,
    bias: 'mlp.experts.bias',
  },
}

export const modules: readonly Module[] = [...frequencies, ...grouped, ...latent, ...others, ...routed, encoder]

/** The spec of a module, laid out as it comes. */
export function textOf({ imports, expression, before = [], inputs = [], weights }: Module): string {
  const imported = imports.map((one) => {
    const [name, from] = one.split(' from ')
    return `import { ${name} } from "${from}"`
  })
  const sources = Object.entries(weights).map(([path, source]) => {
    const [tensor, ...slices] = source.split(/(?=\[)/)
    return `    ${path} = "${tensor}"${slices.join('')}`
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
