import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradientRules } from '../../compiler/autodiff/rules.ts'
import type { Node } from '../../compiler/graph/node.ts'
import type { OpName } from '../../compiler/graph/vocabulary.ts'
import { NONE } from '../../compiler/ops/build.ts'
import { infer } from '../../compiler/ops/infer.ts'
import { UNARY_OPCODES } from '../../compiler/scalar/operations.ts'
import { recordOf } from '../../compiler/ops/records.ts'
import { dim } from '../../plan/dim.ts'
import { differences, lossOf, missOf, tensorOf, type Small } from '../support/gradients.ts'
import { uniform } from '../support/random.ts'
import { assertProperty } from '../support/property.ts'

/** Random sizes and numbers for one case. */
interface Draw {
  readonly size: (most?: number) => number
  readonly below: (n: number) => number
  /** From low to high. */
  readonly real: (low: number, high: number) => number
}

type Case = (draw: Draw, small: Small) => Node

const real = (draw: Draw, small: Small, shape: readonly number[], low = -2, high = 2): Node =>
  small.feed(tensorOf('f32', shape, () => draw.real(low, high)))
/** Away from 0 by more than differences move it. */
const offZero = (draw: Draw, small: Small, shape: readonly number[]): Node =>
  small.feed(tensorOf('f32', shape, () => (draw.below(2) === 0 ? 1 : -1) * draw.real(0.1, 2)))
const ids = (draw: Draw, small: Small, shape: readonly number[], below: number, none = false): Node =>
  small.feed(tensorOf('i32', shape, () => (none && draw.below(4) === 0 ? -1 : draw.below(below))))

const shapeOf = (draw: Draw): readonly number[] => Array.from({ length: draw.below(3) + 1 }, () => draw.size())

const one =
  (op: OpName, low?: number, high?: number): Case =>
  (draw, small) =>
    small.make(op, [real(draw, small, shapeOf(draw), low, high)], NONE as never)
const two =
  (op: OpName, low?: number, high?: number): Case =>
  (draw, small) => {
    const shape = shapeOf(draw)
    return small.make(op, [real(draw, small, shape), real(draw, small, shape, low, high)], NONE as never)
  }
/** Numbers that lie 0.2 apart or more, in random order. */
const distinct = (draw: Draw, small: Small, shape: readonly number[]): Node => {
  const count = shape.reduce((a, b) => a * b, 1)
  const order = Array.from({ length: count }, (_, at) => at).sort(() => draw.real(-1, 1))
  return small.feed(tensorOf('f32', shape, (at) => 0.2 * order[at] - 0.1 * count))
}
const extreme =
  (op: 'max' | 'min'): Case =>
  (draw, small) => {
    const shape = shapeOf(draw)
    return small.make(op, [distinct(draw, small, shape)], { axis: draw.below(shape.length) })
  }
const larger =
  (op: 'minimum' | 'maximum'): Case =>
  (draw, small) => {
    const shape = shapeOf(draw)
    const both = distinct(draw, small, [2, ...shape])
    const part = (at: number): Node =>
      small.make(
        'reshape',
        [
          small.make('slice', [both], {
            starts: [dim(at), ...shape.map(() => dim(0))],
            sizes: [dim(1), ...shape.map((n) => dim(n))],
            steps: [1, ...shape.map(() => 1)],
          }),
        ],
        { shape: shape.map((n) => dim(n)) },
      )
    return small.make(op, [part(0), part(1)], NONE)
  }

const sinkhorn: Case = (draw, small) => {
  const [tokens, experts] = [draw.size(5) + 1, draw.size() + 1]
  const masses = (count: number): Node => small.feed(tensorOf('f32', [count], () => draw.real(0.5, 2)))
  const packed = small.make('sinkhorn', [real(draw, small, [tokens, experts]), masses(tokens), masses(experts)], {
    iterations: 1 + draw.below(6),
    tolerance: 0,
  })
  return small.make('slice', [packed], { starts: [dim(0)], sizes: [dim(experts)], steps: [1] })
}

const attention: Case = (draw, small) => {
  const [B, S, T, G, R, C, W] = [2, 3, 3, 2, 2, 3, 3].map((most) => draw.size(most))
  const operands = [real(draw, small, [B, S, G, R, C]), real(draw, small, [B, T, G, C]), real(draw, small, [B, T, G, W])]
  const mask = small.feed(tensorOf('bool', [1, 1, 1, 1, T], () => draw.below(2)))
  const optional = [...(draw.below(2) === 0 ? [mask] : []), ...(draw.below(2) === 0 ? [real(draw, small, [G, R])] : [])]
  const [before, after] = [draw.below(2) === 0 ? Infinity : draw.below(3), draw.below(2) === 0 ? Infinity : draw.below(3)]
  return small.make('attention', [...operands, ...optional], { scale: 0.5, cap: draw.below(2) * 1.5, before, after })
}

const contract: Case = (draw, small) => {
  const [batches, overs, lefts, rights] = [draw.below(2), draw.below(3), draw.below(3), draw.below(3)]
  const names = [...Array<string>(batches).fill('b'), ...Array<string>(overs).fill('k')].map((word, at) => ({
    word,
    at,
    size: draw.size(3),
  }))
  const arrange = (free: number) =>
    [...names, ...Array.from({ length: free }, () => ({ word: 'f', at: -1, size: draw.size(3) }))]
      .map((axis) => ({ axis, key: draw.real(0, 1) }))
      .sort((a, b) => a.key - b.key)
      .map(({ axis }) => axis)
  const [left, right] = [arrange(lefts), arrange(rights)]
  const place = (axes: typeof left, at: number): number => axes.findIndex((axis) => axis.at === at)
  const pairs = (word: string): (readonly [number, number])[] =>
    names.filter((name) => name.word === word).map(({ at }) => [place(left, at), place(right, at)] as const)
  return small.make(
    'contract',
    [
      real(
        draw,
        small,
        left.map(({ size }) => size),
      ),
      real(
        draw,
        small,
        right.map(({ size }) => size),
      ),
    ],
    { batch: pairs('b'), over: pairs('k') },
  )
}

/** One case an op that has a rule; an operation of one number is tried from -2 to 2 where it has none here. */
const CASES: { readonly [N in OpName]?: Case } = {
  ...Object.fromEntries(UNARY_OPCODES.filter((op) => gradientRules[op].kind === 'rule').map((op) => [op, one(op)])),
  log: one('log', 0.2, 3),
  log1p: one('log1p', -0.7, 2),
  sqrt: one('sqrt', 0.2, 3),
  rsqrt: one('rsqrt', 0.3, 3),
  abs: (draw, small) => small.make('abs', [offZero(draw, small, shapeOf(draw))], NONE),
  compute_at_load: (draw, small) => small.make('compute_at_load', [real(draw, small, shapeOf(draw))], { name: 'held' }),
  cast: (draw, small) => small.make('cast', [real(draw, small, shapeOf(draw))], { dtype: 'f32' }),
  add: two('add'),
  subtract: two('subtract'),
  multiply: two('multiply'),
  divide: two('divide', 0.4, 2),
  power: (draw, small) => {
    const shape = shapeOf(draw)
    return small.make('power', [real(draw, small, shape, 0.3, 2), real(draw, small, shape)], NONE)
  },
  minimum: larger('minimum'),
  maximum: larger('maximum'),
  // a / b lies in the middle between whole numbers
  remainder: (draw, small) => {
    const shape = shapeOf(draw)
    return small.make('remainder', [real(draw, small, shape, 2.3, 2.7), real(draw, small, shape, 0.98, 1.02)], NONE)
  },
  select: (draw, small) => {
    const shape = shapeOf(draw)
    return small.make(
      'select',
      [small.feed(tensorOf('bool', shape, () => draw.below(2))), real(draw, small, shape), real(draw, small, shape)],
      NONE,
    )
  },
  reshape: (draw, small) => {
    const [a, b] = [draw.size(), draw.size()]
    return small.make('reshape', [real(draw, small, [a, b])], { shape: [dim(b), dim(a)] })
  },
  transpose: (draw, small) => {
    const shape = shapeOf(draw)
    const order = shape
      .map((_, axis) => ({ axis, key: draw.real(0, 1) }))
      .sort((a, b) => a.key - b.key)
      .map(({ axis }) => axis)
    return small.make('transpose', [real(draw, small, shape)], { order })
  },
  broadcast: (draw, small) => {
    const x = real(draw, small, [draw.size(), draw.size()])
    return small.make('broadcast', [x], { shape: [dim(draw.size()), x.shape[0], dim(draw.size()), x.shape[1]], axes: [1, 3] })
  },
  slice: (draw, small) => {
    const shape = shapeOf(draw).map((n) => n + 2)
    const steps = shape.map(() => 1 + draw.below(3))
    const starts = shape.map((n) => draw.below(n - 1))
    const sizes = shape.map((n, axis) => 1 + draw.below(Math.floor((n - 1 - starts[axis]) / steps[axis]) + 1))
    return small.make('slice', [real(draw, small, shape)], {
      starts: starts.map((n) => dim(n)),
      sizes: sizes.map((n) => dim(n)),
      steps,
    })
  },
  concat: (draw, small) => {
    const shape = shapeOf(draw)
    const axis = draw.below(shape.length)
    return small.make(
      'concat',
      Array.from({ length: 1 + draw.below(3) }, () => real(draw, small, shape.with(axis, draw.size()))),
      { axis },
    )
  },
  sum: (draw, small) => {
    const shape = shapeOf(draw)
    return small.make('sum', [real(draw, small, shape)], { axis: draw.below(shape.length) })
  },
  max: extreme('max'),
  min: extreme('min'),
  contract,
  take: (draw, small) => {
    const rows = draw.size()
    return small.make('take', [real(draw, small, [rows, ...shapeOf(draw)]), ids(draw, small, shapeOf(draw), rows)], NONE)
  },
  pick: (draw, small) => {
    const [width, leading] = [draw.size(), shapeOf(draw)]
    return small.make('pick', [real(draw, small, [...leading, width]), ids(draw, small, [...leading, draw.size()], width)], NONE)
  },
  grouped_matmul: (draw, small) => {
    const [rows, depth, columns, experts] = [draw.size(), draw.size(), draw.size(), draw.size()]
    return small.make(
      'grouped_matmul',
      [real(draw, small, [rows, depth]), real(draw, small, [experts, columns, depth]), ids(draw, small, [rows], experts, true)],
      NONE,
    )
  },
  grouped_weight_gradient: (draw, small) => {
    const [rows, depth, columns, experts] = [draw.size(), draw.size(), draw.size(), draw.size()]
    return small.make(
      'grouped_weight_gradient',
      [real(draw, small, [rows, depth]), real(draw, small, [rows, columns]), ids(draw, small, [rows], experts, true)],
      { experts },
    )
  },
  segment_sum: (draw, small) => {
    const [rows, size] = [draw.size(), draw.size()]
    return small.make('segment_sum', [real(draw, small, [rows, ...shapeOf(draw)]), ids(draw, small, [rows], size, true)], {
      size: dim(size),
    })
  },
  sinkhorn,
  attention,
}

const drawFrom = (seed: number): Draw => {
  const random = uniform(seed)
  return {
    size: (most = 4) => 1 + Math.floor(random() * most),
    below: (n) => Math.floor(random() * n),
    real: (low, high) => low + (high - low) * random(),
  }
}

/** Whether an op of one operand gives f32 of f32. */
function takesReals(op: OpName): boolean {
  const type = infer(op, [{ dtype: 'f32', shape: [] }], NONE as never)
  return !('error' in type) && type.dtype === 'f32'
}

describe('gradient rules and finite differences', () => {
  const ops = Object.keys(gradientRules) as OpName[]

  it('are compared for every op that has one', () => {
    expect(ops.filter((op) => gradientRules[op].kind === 'rule').sort()).toEqual(Object.keys(CASES).sort())
  })

  it('say why where there is none', () => {
    for (const rule of Object.values(gradientRules)) if (rule.kind !== 'rule') expect(rule.reason).not.toBe('')
  })

  it('let nothing through exactly where the op is flat, of those that f32 goes in and comes out', () => {
    const isFlat = (op: OpName): boolean => recordOf(op).isFlat === true
    const stopping = ops.filter(
      (op) => gradientRules[op].kind === 'none' && recordOf(op).kind === 'elementwise' && takesReals(op),
    )
    expect(ops.filter(isFlat).sort()).toEqual(stopping.sort())
  })

  it.each(Object.keys(CASES) as OpName[])('%s', (op) => {
    assertProperty(
      fc.property(fc.nat(), (seed) => {
        const draw = drawFrom(seed)
        const { graph, feeds } = lossOf(
          (small) => CASES[op]!(draw, small),
          () => draw.real(-1, 1),
        )
        for (const difference of differences(graph, feeds))
          expect(missOf(difference), JSON.stringify(difference)).toBeLessThan(1e-6)
      }),
      40,
    )
  })
})
