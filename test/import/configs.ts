/** Random configs of the three architectures that the reference implementation would take. */
import fc from 'fast-check'

const sizes = fc
  .record({
    groups: fc.integer({ min: 1, max: 4 }),
    perGroup: fc.integer({ min: 1, max: 4 }),
    half: fc.integer({ min: 1, max: 16 }),
    width: fc.integer({ min: 1, max: 40 }),
  })
  .map(({ groups, perGroup, half, width }) => ({ heads: groups * perGroup, groups, size: 2 * half, width }))

const common = fc.record({
  sizes,
  vocab_size: fc.integer({ min: 1, max: 300 }),
  intermediate_size: fc.integer({ min: 1, max: 200 }),
  num_hidden_layers: fc.integer({ min: 1, max: 4 }),
  rms_norm_eps: fc.constantFrom(1e-6, 1e-5, 1e-3, 0.5),
  theta: fc.constantFrom(1, 500, 10_000, 1e6, 123.5, 1e21),
  rope: fc.constantFrom('new', 'old', 'none'),
  tie_word_embeddings: fc.boolean(),
  given: fc.boolean(),
})

const rope = (layout: string, theta: number): Record<string, unknown> =>
  layout === 'new'
    ? { rope_parameters: { rope_type: 'default', rope_theta: theta } }
    : layout === 'old'
      ? { rope_theta: theta, rope_scaling: null }
      : {}

const experts = fc
  .integer({ min: 1, max: 20 })
  .chain((count) => fc.record({ count: fc.constant(count), perToken: fc.integer({ min: 1, max: count }) }))

/** Whether the head size is given, and then free, or follows from the width. */
const decoder = (isFree: boolean) =>
  common.map(({ sizes: { heads, groups, size, width }, theta, rope: layout, given, ...rest }) => ({
    ...rest,
    ...rope(layout, theta),
    num_attention_heads: heads,
    num_key_value_heads: given && heads === groups ? null : groups,
    ...(isFree && given ? { head_dim: size, hidden_size: width } : { head_dim: null, hidden_size: heads * size }),
  }))

const llama = fc
  .tuple(decoder(true), fc.record({ attention_bias: fc.boolean(), mlp_bias: fc.boolean() }))
  .map(([shape, biases]) => ({ model_type: 'llama', ...shape, ...biases }))

const mixtral = fc
  .tuple(decoder(true), experts, fc.option(fc.integer({ min: 1, max: 100 })))
  .map(([shape, { count, perToken }, window]) => ({
    model_type: 'mixtral',
    ...shape,
    num_local_experts: count,
    num_experts_per_tok: perToken,
    sliding_window: window,
  }))

const olmoe = fc
  .tuple(
    decoder(false),
    experts,
    fc.record({ attention_bias: fc.boolean(), norm_topk_prob: fc.boolean(), clip_qkv: fc.option(fc.constantFrom(0.5, 8, 30)) }),
  )
  .map(([shape, { count, perToken }, flags]) => ({
    model_type: 'olmoe',
    ...shape,
    num_experts: count,
    num_experts_per_tok: perToken,
    ...flags,
  }))

export const anyConfig: fc.Arbitrary<Record<string, unknown>> = fc.oneof(llama, mixtral, olmoe)
