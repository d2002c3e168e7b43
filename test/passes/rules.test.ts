import { describe, expect, it } from 'vitest'
import { parse } from '../../compiler/graph/parse.ts'
import { print } from '../../compiler/graph/print.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { rules as contracts } from '../../compiler/passes/canonical-contractions.ts'
import { rules as stops } from '../../compiler/passes/stop-gradients.ts'
import { rewrite, rule, type Rule } from '../../compiler/passes/rewrite.ts'
import { rules as simplifications } from '../../compiler/passes/algebraic-simplification.ts'

const HEAD = `graph "g"
dim B
%0 = input name "x" : f32[B, 3]
%1 = input name "y" : f32[B, 3]
%2 = input name "i" : i32[B, 3]
%3 = input name "c" : bool[B, 3]
%4 = input name "d" : bool[B, 3]
%5 = input name "one" : f32[1, B, 1]
%6 = input name "s" : f32[]
%7 = input name "v" : f32[3]
%8 = input name "long" : f32[16, B]
`

const all = [...simplifications, ...contracts, ...stops]

/** `$12 f32 1`: a constant 1 in %12, repeated to [B, 3] in %13. */
const expand = (body: string): string =>
  body.replace(
    /\$(\d+) (\w+) (\S+)/g,
    (_, at: string, dtype: string, value: string) =>
      `%${at} = constant values [${value}] : ${dtype}[]\n%${Number(at) + 1} = broadcast(%${at}) axes [] : ${dtype}[B, 3]`,
  )

/** The text after its header, and the laws that fired. The last node is the output. */
function run(body: string, rules: readonly Rule[]): { text: string; laws: string[] } {
  const lines = expand(body).split('\n')
  const last = lines.at(-1)!.split(' ')[0]
  const graph = parse(
    `${HEAD}${/ = /.test(body) || body.startsWith('$') ? lines.join('\n') : ''}\noutput "out" = ${last}\n`,
    createBuilder().make,
  )
  const laws: string[] = []
  const after = rewrite(
    rewrite(graph, rules, (name) => laws.push(all.find((one) => one.name === name)?.law ?? name)),
    [],
  )
  return { text: print(after).replace(HEAD, '').replace('output "out" = ', '').trim(), laws }
}

/** law -> where it fires, what comes out, and a near miss. */
const cases: Record<string, { fires: string; gives: string; misses: string }[]> = {
  'x * 1  ==>  x': [
    {
      fires: '$9 f32 1\n%11 = multiply(%10, %0) : f32[B, 3]',
      gives: '%0',
      misses: '$9 f32 -1\n%11 = multiply(%10, %0) : f32[B, 3]',
    },
  ],
  'x * 0  ==>  0, in i32': [
    {
      fires: '$9 i32 0\n%11 = multiply(%2, %10) : i32[B, 3]',
      gives: '$9 i32 0\n%10',
      misses: '$9 f32 0\n%11 = multiply(%0, %10) : f32[B, 3]',
    },
  ],
  'x / 1  ==>  x': [
    { fires: '$9 f32 1\n%11 = divide(%0, %10) : f32[B, 3]', gives: '%0', misses: '$9 f32 1\n%11 = divide(%10, %0) : f32[B, 3]' },
  ],
  'x / 2^n  ==>  x * 2^-n, in f32': [
    {
      fires: '$9 f32 -8\n%11 = divide(%0, %10) : f32[B, 3]',
      gives: '$9 f32 -0.125\n%11 = multiply(%0, %10) : f32[B, 3]\n%11',
      misses: '$9 f32 6\n%11 = divide(%0, %10) : f32[B, 3]',
    },
    {
      fires: '$9 f32 2\n%11 = divide(%0, %10) : f32[B, 3]',
      gives: '$9 f32 0.5\n%11 = multiply(%0, %10) : f32[B, 3]\n%11',
      misses: '$9 i32 2\n%11 = divide(%2, %10) : i32[B, 3]',
    },
    // the reciprocal is no ordinary f32
    {
      fires: '$9 f32 0.5\n%11 = divide(%0, %10) : f32[B, 3]',
      gives: '$9 f32 2\n%11 = multiply(%0, %10) : f32[B, 3]\n%11',
      misses: '$9 f32 1.7014118346046923e+38\n%11 = divide(%0, %10) : f32[B, 3]',
    },
  ],
  'segment_sum(x, 0 1 .. N-1)  ==>  x': [
    {
      fires: '%9 = iota : i32[16]\n%10 = segment_sum(%8, %9) : f32[16, B]',
      gives: '%8',
      misses: '%9 = iota : i32[16]\n%10 = segment_sum(%8, %9) : f32[17, B]',
    },
  ],
  'segment_sum(x, 0 0 .. 1 1 .. T-1)  ==>  sum(x as [T, K, ...], axis 1)': [
    {
      fires:
        '%9 = iota : i32[8]\n%10 = broadcast(%9) axes [0] : i32[8, 2]\n%11 = reshape(%10) : i32[16]\n%12 = segment_sum(%8, %11) : f32[8, B]',
      gives: '%9 = reshape(%8) : f32[8, 2, B]\n%10 = sum(%9) axis 1 : f32[8, B]\n%10',
      misses:
        '%9 = iota : i32[8]\n%10 = broadcast(%9) axes [0] : i32[8, 2]\n%11 = reshape(%10) : i32[16]\n%12 = segment_sum(%8, %11) : f32[9, B]',
    },
  ],
  'grouped_weight_gradient(x, rows, 0 0 .. 1 1 .. E-1)  ==>  contract(rows as [E, F, N], x as [E, D, N])': [
    {
      fires:
        '%9 = iota : i32[8]\n%10 = broadcast(%9) axes [0] : i32[8, 2]\n%11 = reshape(%10) : i32[16]\n%12 = grouped_weight_gradient(%8, %8, %11) experts 8 : f32[8, B, B]',
      gives:
        '%9 = reshape(%8) : f32[8, 2, B]\n%10 = transpose(%9) order [0, 2, 1] : f32[8, B, 2]\n%11 = contract(%10, %10) batch [[0, 0]] over [[2, 2]] : f32[8, B, B]\n%11',
      misses:
        '%9 = iota : i32[8]\n%10 = broadcast(%9) axes [0] : i32[8, 2]\n%11 = reshape(%10) : i32[16]\n%12 = grouped_weight_gradient(%8, %8, %11) experts 9 : f32[9, B, B]',
    },
  ],
  'x + (-0)  ==>  x': [
    { fires: '$9 f32 -0\n%11 = add(%0, %10) : f32[B, 3]', gives: '%0', misses: '$9 f32 0\n%11 = add(%0, %10) : f32[B, 3]' },
  ],
  'x + 0  ==>  x, in i32': [
    { fires: '$9 i32 0\n%11 = add(%10, %2) : i32[B, 3]', gives: '%2', misses: '$9 f32 0\n%11 = add(%10, %0) : f32[B, 3]' },
  ],
  'x - 0  ==>  x': [
    {
      fires: '$9 f32 0\n%11 = subtract(%0, %10) : f32[B, 3]',
      gives: '%0',
      misses: '$9 f32 -0\n%11 = subtract(%0, %10) : f32[B, 3]',
    },
    {
      fires: '$9 i32 0\n%11 = subtract(%2, %10) : i32[B, 3]',
      gives: '%2',
      misses: '$9 i32 0\n%11 = subtract(%10, %2) : i32[B, 3]',
    },
  ],
  'a + (-b)  ==>  a - b': [
    {
      fires: '%9 = negate(%0) : f32[B, 3]\n%10 = add(%9, %1) : f32[B, 3]',
      gives: '%9 = subtract(%1, %0) : f32[B, 3]\n%9',
      misses: '%9 = abs(%0) : f32[B, 3]\n%10 = add(%9, %1) : f32[B, 3]',
    },
  ],
  'a - (-b)  ==>  a + b': [
    {
      fires: '%9 = negate(%0) : f32[B, 3]\n%10 = subtract(%1, %9) : f32[B, 3]',
      gives: '%9 = add(%1, %0) : f32[B, 3]\n%9',
      misses: '%9 = negate(%0) : f32[B, 3]\n%10 = subtract(%9, %1) : f32[B, 3]',
    },
  ],
  'x^1  ==>  x': [
    { fires: '$9 f32 1\n%11 = power(%0, %10) : f32[B, 3]', gives: '%0', misses: '$9 f32 1\n%11 = power(%10, %0) : f32[B, 3]' },
  ],
  'x^2  ==>  x * x': [
    {
      fires: '$9 f32 2\n%11 = power(%0, %10) : f32[B, 3]',
      gives: '%9 = multiply(%0, %0) : f32[B, 3]\n%9',
      misses: '$9 f32 3\n%11 = power(%0, %10) : f32[B, 3]',
    },
  ],
  '-(-x)  ==>  x': [
    {
      fires: '%9 = negate(%0) : f32[B, 3]\n%10 = negate(%9) : f32[B, 3]',
      gives: '%0',
      misses: '%9 = abs(%0) : f32[B, 3]\n%10 = negate(%9) : f32[B, 3]',
    },
  ],
  '||x||, |-x|  ==>  |x|': [
    {
      fires: '%9 = negate(%0) : f32[B, 3]\n%10 = abs(%9) : f32[B, 3]',
      gives: '%9 = abs(%0) : f32[B, 3]\n%9',
      misses: '%9 = sin(%0) : f32[B, 3]\n%10 = abs(%9) : f32[B, 3]',
    },
    {
      fires: '%9 = abs(%0) : f32[B, 3]\n%10 = abs(%9) : f32[B, 3]',
      gives: '%9 = abs(%0) : f32[B, 3]\n%9',
      misses: '%9 = abs(%0) : f32[B, 3]',
    },
  ],
  'floor(floor(x))  ==>  floor(x)': [
    {
      fires: '%9 = floor(%0) : f32[B, 3]\n%10 = floor(%9) : f32[B, 3]',
      gives: '%9 = floor(%0) : f32[B, 3]\n%9',
      misses: '%9 = negate(%0) : f32[B, 3]\n%10 = floor(%9) : f32[B, 3]',
    },
  ],
  'min(x, x), max(x, x)  ==>  x': [
    { fires: '%9 = maximum(%0, %0) : f32[B, 3]', gives: '%0', misses: '%9 = maximum(%0, %1) : f32[B, 3]' },
  ],
  'not not x  ==>  x': [
    { fires: '%9 = not(%3) : bool[B, 3]\n%10 = not(%9) : bool[B, 3]', gives: '%3', misses: '%9 = not(%3) : bool[B, 3]' },
  ],
  'x and x, x or x  ==>  x': [{ fires: '%9 = or(%3, %3) : bool[B, 3]', gives: '%3', misses: '%9 = or(%3, %4) : bool[B, 3]' }],
  'x and true  ==>  x;  x and false  ==>  false': [
    { fires: '$9 bool 1\n%11 = and(%10, %3) : bool[B, 3]', gives: '%3', misses: '%11 = and(%4, %3) : bool[B, 3]' },
    {
      fires: '$9 bool 0\n%11 = and(%3, %10) : bool[B, 3]',
      gives: '$9 bool 0\n%10',
      misses: '$9 bool 0\n%11 = or(%3, %10) : bool[B, 3]',
    },
  ],
  'x or false  ==>  x;  x or true  ==>  true': [
    { fires: '$9 bool 0\n%11 = or(%3, %10) : bool[B, 3]', gives: '%3', misses: '$9 bool 0\n%11 = and(%3, %10) : bool[B, 3]' },
    { fires: '$9 bool 1\n%11 = or(%3, %10) : bool[B, 3]', gives: '$9 bool 1\n%10', misses: '%11 = or(%4, %3) : bool[B, 3]' },
  ],
  'select(true, a, b)  ==>  a;  select(false, a, b)  ==>  b': [
    { fires: '$9 bool 1\n%11 = select(%10, %0, %1) : f32[B, 3]', gives: '%0', misses: '%9 = select(%3, %0, %1) : f32[B, 3]' },
    {
      fires: '$9 bool 0\n%11 = select(%10, %0, %1) : f32[B, 3]',
      gives: '%1',
      misses:
        '%9 = constant values [1, 0, 1] : bool[3]\n%10 = broadcast(%9) axes [1] : bool[B, 3]\n%11 = select(%10, %0, %1) : f32[B, 3]',
    },
  ],
  'select(c, a, a)  ==>  a': [
    { fires: '%9 = select(%3, %0, %0) : f32[B, 3]', gives: '%0', misses: '%9 = select(%3, %0, %1) : f32[B, 3]' },
  ],
  'select(not c, a, b)  ==>  select(c, b, a)': [
    {
      fires: '%9 = not(%3) : bool[B, 3]\n%10 = select(%9, %0, %1) : f32[B, 3]',
      gives: '%9 = select(%3, %1, %0) : f32[B, 3]\n%9',
      misses: '%9 = and(%3, %4) : bool[B, 3]\n%10 = select(%9, %0, %1) : f32[B, 3]',
    },
  ],
  'cast(x, type of x)  ==>  x': [{ fires: '%9 = cast(%0) : f32[B, 3]', gives: '%0', misses: '%9 = cast(%0) : i32[B, 3]' }],
  'cast(cast(c, a), b)  ==>  cast(c, b), of a truth value c': [
    {
      fires: '%9 = cast(%3) : i32[B, 3]\n%10 = cast(%9) : f32[B, 3]',
      gives: '%9 = cast(%3) : f32[B, 3]\n%9',
      misses: '%9 = cast(%0) : i32[B, 3]\n%10 = cast(%9) : f32[B, 3]',
    },
  ],
  'stop_gradient(x)  ==>  x': [{ fires: '%9 = stop_gradient(%0) : f32[B, 3]', gives: '%0', misses: '%9 = exp(%0) : f32[B, 3]' }],
  'reshape(x, shape of x)  ==>  x': [
    { fires: '%9 = reshape(%0) : f32[B, 3]', gives: '%0', misses: '%9 = reshape(%0) : f32[3, B]' },
  ],
  'reshape(reshape(x))  ==>  reshape(x)': [
    {
      fires: '%9 = reshape(%0) : f32[3*B]\n%10 = reshape(%9) : f32[3, B]',
      gives: '%9 = reshape(%0) : f32[3, B]\n%9',
      misses: '%9 = transpose(%0) order [1, 0] : f32[3, B]\n%10 = reshape(%9) : f32[3*B]',
    },
  ],
  'reshape(broadcast(x)) that adds or removes axes of size 1  ==>  broadcast(x)': [
    {
      fires: '%9 = broadcast(%7) axes [2] : f32[1, B, 3]\n%10 = reshape(%9) : f32[B, 1, 3]',
      gives: '%9 = broadcast(%7) axes [2] : f32[B, 1, 3]\n%9',
      misses: '%9 = broadcast(%7) axes [2] : f32[1, B, 3]\n%10 = reshape(%9) : f32[3*B]',
    },
    // the axis of size 1 is the operand's own
    {
      fires: '%9 = broadcast(%7) axes [1] : f32[B, 3]\n%10 = reshape(%9) : f32[B, 1, 3]',
      gives: '%9 = broadcast(%7) axes [2] : f32[B, 1, 3]\n%9',
      misses: '%9 = broadcast(%5) axes [0, 1, 3] : f32[1, B, 3, 1]\n%10 = reshape(%9) : f32[B, 3]',
    },
  ],
  'reshape(broadcast(scalar))  ==>  broadcast(scalar)': [
    {
      fires: '%9 = broadcast(%6) axes [] : f32[B, 2]\n%10 = reshape(%9) : f32[2*B]',
      gives: '%9 = broadcast(%6) axes [] : f32[2*B]\n%9',
      misses: '%9 = broadcast(%7) axes [1] : f32[B, 3]\n%10 = reshape(%9) : f32[3*B]',
    },
  ],
  'transpose(x, 0 1 2 ...)  ==>  x': [
    { fires: '%9 = transpose(%0) order [0, 1] : f32[B, 3]', gives: '%0', misses: '%9 = transpose(%0) order [1, 0] : f32[3, B]' },
  ],
  'transpose(transpose(x))  ==>  transpose(x)': [
    {
      fires:
        '%9 = reshape(%8) : f32[2, 8, B]\n%10 = transpose(%9) order [1, 2, 0] : f32[8, B, 2]\n%11 = transpose(%10) order [0, 2, 1] : f32[8, 2, B]',
      gives: '%9 = reshape(%8) : f32[2, 8, B]\n%10 = transpose(%9) order [1, 0, 2] : f32[8, 2, B]\n%10',
      misses:
        '%9 = transpose(%0) order [1, 0] : f32[3, B]\n%10 = negate(%9) : f32[3, B]\n%11 = transpose(%10) order [1, 0] : f32[B, 3]',
    },
  ],
  'transpose that moves only axes of size 1  ==>  reshape': [
    {
      fires: '%9 = transpose(%5) order [2, 0, 1] : f32[1, 1, B]',
      gives: '%9 = reshape(%5) : f32[1, 1, B]\n%9',
      misses: '%9 = transpose(%8) order [1, 0] : f32[B, 16]',
    },
  ],
  'transpose(broadcast(x))  ==>  broadcast(transpose(x))': [
    {
      fires: '%9 = broadcast(%0) axes [1, 2] : f32[2, B, 3]\n%10 = transpose(%9) order [2, 0, 1] : f32[3, 2, B]',
      gives: '%9 = transpose(%0) order [1, 0] : f32[3, B]\n%10 = broadcast(%9) axes [0, 2] : f32[3, 2, B]\n%10',
      misses: '%9 = reshape(%0) : f32[3, B]\n%10 = transpose(%9) order [1, 0] : f32[B, 3]',
    },
  ],
  'broadcast(x, shape of x)  ==>  x': [
    { fires: '%9 = broadcast(%0) axes [0, 1] : f32[B, 3]', gives: '%0', misses: '%9 = broadcast(%0) axes [1, 2] : f32[B, B, 3]' },
  ],
  'broadcast(broadcast(x))  ==>  broadcast(x)': [
    {
      fires: '%9 = broadcast(%7) axes [1] : f32[B, 3]\n%10 = broadcast(%9) axes [1, 2] : f32[2, B, 3]',
      gives: '%9 = broadcast(%7) axes [2] : f32[2, B, 3]\n%9',
      misses: '%9 = reshape(%7) : f32[1, 3]\n%10 = broadcast(%9) axes [0, 2] : f32[1, B, 3]',
    },
  ],
  'broadcast along new axes of size 1  ==>  reshape': [
    {
      fires: '%9 = broadcast(%7) axes [1] : f32[1, 3]',
      gives: '%9 = reshape(%7) : f32[1, 3]\n%9',
      misses: '%9 = broadcast(%7) axes [1] : f32[B, 3]',
    },
  ],
  'slice of all of x  ==>  x': [
    {
      fires: '%9 = slice(%8) starts [0, 0] steps [1, 1] : f32[16, B]',
      gives: '%8',
      misses: '%9 = slice(%8) starts [0, 0] steps [2, 1] : f32[8, B]',
    },
  ],
  'slice(slice(x))  ==>  slice(x)': [
    {
      fires: '%9 = slice(%8) starts [1, 0] steps [2, 1] : f32[7, B]\n%10 = slice(%9) starts [3, 0] steps [3, 1] : f32[2, B]',
      gives: '%9 = slice(%8) starts [7, 0] steps [6, 1] : f32[2, B]\n%9',
      misses: '%9 = reshape(%8) : f32[8, 2*B]\n%10 = slice(%9) starts [0, 0] steps [1, 1] : f32[4, 2*B]',
    },
  ],
  'slice(broadcast(scalar))  ==>  broadcast(scalar)': [
    {
      fires: '%9 = broadcast(%6) axes [] : f32[4]\n%10 = slice(%9) starts [1] steps [2] : f32[2]',
      gives: '%9 = broadcast(%6) axes [] : f32[2]\n%9',
      misses: '%9 = slice(%7) starts [1] steps [1] : f32[2]',
    },
  ],
  'concat(x)  ==>  x': [
    { fires: '%9 = concat(%0) axis 1 : f32[B, 3]', gives: '%0', misses: '%9 = concat(%0, %0) axis 1 : f32[B, 6]' },
  ],
  'sum, max, min along an axis of size 1  ==>  reshape': [
    {
      fires: '%9 = max(%5) axis 0 : f32[B, 1]',
      gives: '%9 = reshape(%5) : f32[B, 1]\n%9',
      misses: '%9 = max(%5) axis 1 : f32[1, 1]',
    },
  ],
  'f(broadcast(a), broadcast(b))  ==>  broadcast(f(a, b))': [
    {
      fires: '%9 = broadcast(%7) axes [1] : f32[B, 3]\n$10 f32 2\n%12 = multiply(%11, %9) : f32[B, 3]',
      gives:
        '%9 = constant values [2] : f32[]\n%10 = broadcast(%9) axes [] : f32[3]\n%11 = multiply(%10, %7) : f32[3]\n%12 = broadcast(%11) axes [1] : f32[B, 3]\n%12',
      misses: '%9 = broadcast(%7) axes [1] : f32[3, 3]\n%10 = broadcast(%7) axes [0] : f32[3, 3]\n%11 = add(%9, %10) : f32[3, 3]',
    },
    {
      fires: '%9 = broadcast(%6) axes [] : f32[B, 3]\n%10 = exp(%9) : f32[B, 3]',
      gives: '%9 = exp(%6) : f32[]\n%10 = broadcast(%9) axes [] : f32[B, 3]\n%10',
      misses: '%9 = broadcast(%6) axes [] : f32[B, 3]\n%10 = add(%9, %0) : f32[B, 3]',
    },
  ],
  'contract over nothing  ==>  multiply(broadcast(left), broadcast(right))': [
    {
      fires: '%9 = contract(%7, %0) batch [[0, 1]] over [] : f32[3, B]',
      gives:
        '%9 = broadcast(%7) axes [0] : f32[3, B]\n%10 = transpose(%0) order [1, 0] : f32[3, B]\n%11 = multiply(%9, %10) : f32[3, B]\n%11',
      misses: '%9 = contract(%7, %0) batch [] over [[0, 1]] : f32[B]',
    },
  ],
  'contract over any axes  ==>  contract of transposed operands over the last': [
    {
      fires: '%9 = contract(%8, %0) batch [] over [[1, 0]] : f32[16, 3]',
      gives: '%9 = transpose(%0) order [1, 0] : f32[3, B]\n%10 = contract(%8, %9) batch [] over [[1, 1]] : f32[16, 3]\n%10',
      misses: '%9 = contract(%0, %1) batch [] over [[1, 1]] : f32[B, B]',
    },
    {
      fires: '%9 = contract(%0, %1) batch [] over [[0, 0], [1, 1]] : f32[]',
      gives:
        '%9 = reshape(%0) : f32[3*B]\n%10 = reshape(%1) : f32[3*B]\n%11 = contract(%9, %10) batch [] over [[0, 0]] : f32[]\n%11',
      misses: '%9 = contract(%0, %1) batch [[0, 0]] over [[1, 1]] : f32[B]',
    },
  ],
}

describe.each(Object.entries(cases))('%s', (law, examples) => {
  it.each(examples)('fires at $fires', ({ fires, gives, misses }) => {
    const fired = run(fires, all)
    expect(fired.laws).toContain(law)
    expect(fired.text).toBe(expand(gives))
    expect(run(misses, all).laws).not.toContain(law)
  })
})

it('every law has an example', () => {
  expect(new Set(Object.keys(cases))).toEqual(new Set(all.map(({ law }) => law)))
})

it('every rule has a name of its own', () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
  for (const { name } of all) expect(name).toMatch(/^[a-z]+(-[a-z0-9]+)*$/)
})

it('rules that undo each other are named', () => {
  const flip = [
    rule('flip', 'sin', 'sin(x)  ==>  cos(x)', (node, make) => make('cos', node.inputs, {})),
    rule('flop', 'cos', 'cos(x)  ==>  sin(x)', (node, make) => make('sin', node.inputs, {})),
  ]
  expect(() => run('%9 = sin(%0) : f32[B, 3]', flip)).toThrow(/rules undo each other at (sin: flip|cos: flop)/)
})
