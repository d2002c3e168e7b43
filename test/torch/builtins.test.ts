import { expect, test } from 'vitest'
import { BUILTINS, type BuiltinName } from '../../compiler/model/builtin/table.ts'
import { TORCH } from '../../compiler/torch/builtins.ts'
import { torchText } from './text.ts'

/** One use of each builtin on x: f32[T, 4], i: i32[T, 2], b: bool[T, 4], c: f32[B, S, 4] and m: f32[4, 3], and its torch. */
const USES: Readonly<Record<BuiltinName, readonly [string, string]>> = {
  negate: ['-x', '-x'],
  exp: ['exp(x)', 'torch.exp(x)'],
  log: ['log(x)', 'torch.log(x)'],
  log1p: ['log1p(x)', 'torch.log1p(x)'],
  sqrt: ['sqrt(x)', 'torch.sqrt(x)'],
  rsqrt: ['rsqrt(x)', 'torch.rsqrt(x)'],
  abs: ['abs(x)', 'torch.abs(x)'],
  sin: ['sin(x)', 'torch.sin(x)'],
  cos: ['cos(x)', 'torch.cos(x)'],
  tanh: ['tanh(x)', 'torch.tanh(x)'],
  atan: ['atan(x)', 'torch.atan(x)'],
  erf: ['erf(x)', 'torch.erf(x)'],
  sigmoid: ['sigmoid(x)', 'torch.sigmoid(x)'],
  softplus: ['softplus(x)', 'F.softplus(x)'],
  floor: ['floor(x)', 'torch.floor(x)'],
  sign: ['sign(x)', 'torch.sign(x)'],
  not: ['cast(not b, "f32")', '(~b).float()'],
  add: ['x + 1.0', 'x + 1.0'],
  subtract: ['x - (x - 1.0)', 'x - (x - 1.0)'],
  multiply: ['(x + 1.0) * x', '(x + 1.0) * x'],
  divide: ['x / 2.0', 'x / 2.0'],
  pow: ['pow(x, 2.0)', 'torch.pow(x, 2.0)'],
  minimum: ['minimum(x, 1.0)', 'minimum(x, 1.0)'],
  maximum: ['maximum(x, 1.0)', 'maximum(x, 1.0)'],
  remainder: ['x % 3.0', 'x % 3.0'],
  less: ['where(x < 0.0, x, 1.0)', 'torch.where(x < 0.0, x, 1.0)'],
  less_equal: ['where(x <= 0.0, x, 1.0)', 'x <= 0.0'],
  greater: ['where(x > 0.0, x, 1.0)', 'x > 0.0'],
  greater_equal: ['where(x >= 0.0, x, 1.0)', 'x >= 0.0'],
  equal: ['where(x == 0.0, x, 1.0)', 'x == 0.0'],
  not_equal: ['where(x != 0.0, x, 1.0)', 'x != 0.0'],
  and: ['where(b and x < 0.0, x, 1.0)', 'b & (x < 0.0)'],
  or: ['where(b or x < 0.0, x, 1.0)', 'b | (x < 0.0)'],
  stop: ['stop(x * x)', '(x * x).detach()'],
  where: ['where(b, x, 1.0)', 'torch.where(b, x, 1.0)'],
  cast: ['cast(i, "f32")', 'i.float()'],
  sum: ['sum(x, axis = 0)', 'x.sum(0)'],
  max: ['max(x, keep = true)', 'x.amax(-1, keepdim=True)'],
  min: ['min(x)', 'x.amin(-1)'],
  cumsum: ['cumsum(x)', 'x.cumsum(-1)'],
  mean: ['mean(x)', 'x.mean(-1)'],
  reshape: ['reshape(x, [T, 2, 2])', 'x.reshape(T, 2, 2)'],
  broadcast: ['broadcast(0.5, [T, 3])', 'torch.full((T, 3), 0.5, dtype=torch.float32'],
  transpose: ['transpose(x, [1, 0])', 'x.permute(1, 0)'],
  swap: ['x.T', 'x.T'],
  concat: ['concat([x, x], axis = 0)', 'torch.cat([x, x], 0)'],
  slice: ['x[:, 1:3]', 'x[:, 1:3]'],
  iota: ['cast(iota(T), "f32")', 'torch.arange(T, dtype=torch.int32'],
  take: ['take(m, i)', 'm[i.long()]'],
  pick: ['pick(x, i)', 'pick(x, i)'],
  take_rows: ['take_rows(c, top_k(c[:, :, 0], 1))', 'take_rows(c, '],
  top_k: ['cast(top_k(x, 2), "f32")', 'top_k(x, 2)'],
  one_hot: ['one_hot(i, 4)', 'one_hot(i, 4)'],
  cached: ['cached(c)', 'y = c'],
  positions: ['cast(positions(c), "f32")', 'positions(c)'],
  with_previous: ['with_previous(c, 2)', 'with_previous(c, 2)'],
  matmul: ['(x * 2.0) @ m', '(x * 2.0) @ m'],
  einsum: ['einsum("t in, in out -> out t", x, m)', 'torch.einsum("ta,ab->bt", x, m)'],
  rearrange: ['rearrange(x, "t (a b) -> b t a", a = 2)', 'x.reshape(T, 2, 2).permute(2, 0, 1)'],
  svd_values: ['svd_values(m)', 'svd_values(m)'],
  svd_left: ['svd_left(m)', 'svd_left(m)'],
  svd_right: ['svd_right(m)', 'svd_right(m)'],
  sinkhorn: ['sinkhorn(x, rows = 1.0, columns = 2.0, iterations = 9)', 'sinkhorn(x, 1.0, 2.0, 9, 0.0001)'],
  sinkhorn_status: ['sinkhorn_status(x, 1.0, 2.0)', 'sinkhorn_status(x, 1.0, 2.0, 100, 0.0001)'],
  uniform: ['', ''],
  normal: ['', ''],
  dropout: ['dropout(x, 0.5)', 'step.dropout(self.path, x, 0.5)'],
  noisy: ['noisy(x, 0.5)', 'step.noisy(self.path, x, 0.5)'],
}

/** Sources of chance stand in policies alone. */
const IN_POLICIES: readonly BuiltinName[] = ['uniform', 'normal']

const inputs =
  'input x: f32[T, 4]\n  input i: i32[T, 2]\n  input b: bool[T, 4]\n  input c: f32[B, S, 4]\n  param m: f32[4, 3]\n  '

test('the table has every builtin', () => {
  expect(Object.keys(TORCH).sort()).toEqual(Object.keys(BUILTINS).sort())
})

test.each(Object.entries(USES).filter(([name]) => !IN_POLICIES.includes(name as BuiltinName)))('%s', (_, [source, torch]) => {
  const text = torchText(`model one() {\n  ${inputs}output y = ${source}\n}`)
  const body = text.slice(text.indexOf('class Model'))
  expect(body.replaceAll('self.m', 'm')).toContain(torch)
})
