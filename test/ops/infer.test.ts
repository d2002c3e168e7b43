import { expect, it } from 'vitest'
import { dim } from '../../plan/dim.ts'
import type { DType, OpName } from '../../compiler/graph/vocabulary.ts'
import { infer } from '../../compiler/ops/infer.ts'
import type { TensorType } from '../../compiler/ops/record.ts'
import { typeText } from '../../compiler/ops/shapes.ts'

/** `f32[B, 3]` */
function type(text: string): TensorType {
  const [, dtype, shape] = /^(\w+)\[(.*)\]$/.exec(text)!
  return { dtype: dtype as DType, shape: shape === '' ? [] : shape.split(/, (?![^(]*\))/).map(dim) }
}

const result = (op: OpName, inputs: string, params: unknown): string => {
  const found = infer(op, inputs === '' ? [] : inputs.split('; ').map(type), params as never)
  return 'error' in found ? found.error : typeText(found)
}

const shape = (...sizes: (string | number)[]) => sizes.map(dim)

it.each<[OpName, string, object, string]>([
  ['add', 'f32[B, S]; f32[B, S]', {}, 'f32[B, S]'],
  ['less', 'i32[B]; i32[B]', {}, 'bool[B]'],
  ['reshape', 'f32[B, S, 12]', { shape: shape('B*S', 3, 4) }, 'f32[B*S, 3, 4]'],
  ['concat', 'f32[B, 2]; f32[B, S]', { axis: 1 }, 'f32[B, S + 2]'],
  ['sum', 'f32[B, S]', { axis: 0 }, 'f32[S]'],
  [
    'contract',
    'f32[B, S, H, 8]; f32[B, T, H, 8]',
    {
      batch: [
        [0, 0],
        [2, 2],
      ],
      over: [[3, 3]],
    },
    'f32[B, H, S, T]',
  ],
  ['take', 'f32[64, 8]; i32[B, S]', {}, 'f32[B, S, 8]'],
  ['pick', 'f32[T, 8]; i32[T, 2]', {}, 'f32[T, 2]'],
  ['top_k', 'f32[T, 8]', { k: 2 }, 'i32[T, 2]'],
  ['grouped_matmul', 'f32[2*T, 8]; f32[4, 16, 8]; i32[2*T]', {}, 'f32[2*T, 16]'],
  ['expert_histogram', 'i32[T, 2]', { experts: 4, block: 16 }, 'i32[ceil(T, 16), 4]'],
  ['sort_by_expert', 'i32[T, 2]; i32[ceil(T, 16), 4]', { experts: 4, block: 16, tile: 8 }, 'i32[2*T + 2*ceil(2*T, 8) + 8]'],
])('%s of %s', (op, inputs, params, wanted) => expect(result(op, inputs, params)).toBe(wanted))

const source = { stacked: true, pieces: [] }

it.each<[OpName, string, object, string]>([
  ['add', 'f32[B]', {}, 'add: takes 2 operands, not 1'],
  ['add', 'f32[B]; f32[S]', {}, 'add: operand 0 is [B], operand 1 is [S]'],
  ['add', 'f32[B]; i32[B]', {}, 'add: operands are f32 and i32'],
  ['add', 'bool[B]; bool[B]', {}, 'add: the left is f32 or i32, not bool'],
  ['exp', 'i32[B]', {}, 'exp: the operand is f32, not i32'],
  ['select', 'f32[B]; f32[B]; f32[B]', {}, 'select: the condition is bool, not f32'],
  ['weight', '', { name: 'w', shape: shape('B'), source, doc: '' }, 'weight: the weight w has the symbolic size B'],
  ['weight', '', { name: 'w', shape: shape(2), source, doc: '' }, 'weight: the weight w [2] has 0 pieces'],
  [
    'variable',
    '',
    { role: { kind: 'gradient', of: 'w' }, shape: shape('B') },
    'variable: the variable gradient.w has the symbolic size B',
  ],
  ['constant', '', { dtype: 'f32', shape: [2], values: [1] }, 'constant: [2] holds 2 values, not 1'],
  ['iota', '', { size: dim(-1) }, 'iota: axis 0 has the size -1'],
  ['reshape', 'f32[B, 4]', { shape: shape('B', 5) }, 'reshape: [B, 4] has 4*B elements, [B, 5] has 5*B'],
  ['transpose', 'f32[B, 4]', { order: [0, 0] }, 'transpose: [0, 0] is not a permutation of the axes of [B, 4]'],
  ['broadcast', 'f32[B]', { shape: shape('S', 2), axes: [0] }, 'broadcast: input axis 0 and output axis 0 differ: B and S'],
  ['broadcast', 'f32[B, 2]', { shape: shape('B', 2), axes: [1, 0] }, 'broadcast: axes [1, 0] do not place [B, 2] in [B, 2]'],
  ['slice', 'f32[4]', { starts: shape(1), sizes: shape(2), steps: [3] }, 'slice: 2 elements from 1 by 3 leave axis 0, 4'],
  ['slice', 'f32[4]', { starts: shape(0), sizes: shape(2), steps: [0] }, 'slice: the step 0 along axis 0 is not 1 or more'],
  ['slice', 'f32[4]', { starts: [], sizes: [], steps: [] }, 'slice: a slice of [4] has one entry an axis'],
  ['concat', 'f32[B, 2]; f32[S, 2]', { axis: 1 }, 'concat: operand 0 is [B, 2], operand 1 is [S, 2]: only axis 1 may differ'],
  ['concat', '', { axis: 0 }, 'concat: takes one operand or more'],
  ['sum', 'f32[B]', { axis: 1 }, 'sum: axis 1 is not one of the 1 axes of [B]'],
  ['max', 'bool[B]', { axis: 0 }, 'max: the operand is f32 or i32, not bool'],
  [
    'contract',
    'f32[T, D]; f32[F, H]',
    { batch: [], over: [[1, 1]] },
    'contract: axis 1 of the left and axis 1 of the right differ: D and H',
  ],
  [
    'contract',
    'f32[T, D]; f32[F, D]',
    { batch: [[1, 1]], over: [[1, 1]] },
    'contract: axis 1 of the left [T, D] is paired twice or does not exist',
  ],
  ['take', 'f32[8]; f32[T]', {}, 'take: the operand of ids is i32, not f32'],
  ['pick', 'f32[T, 8]; i32[S, 2]', {}, 'pick: x [T, 8] and ids [S, 2] agree in all axes but the last'],
  ['top_k', 'f32[T, 8]', { k: 9 }, 'top_k: there are no 9 largest along axis 1, 8'],
  ['top_k', 'f32[]', { k: 1 }, 'top_k: the operand has no axis'],
  ['grouped_matmul', 'f32[N, D]; f32[4, F, H]; i32[N]', {}, 'grouped_matmul: axis 1 of x and axis 2 of the bank differ: D and H'],
  ['grouped_matmul', 'f32[N, D]; f32[4, F, D]; i32[M]', {}, 'grouped_matmul: axis 0 of x and axis 0 of expert differ: N and M'],
  ['grouped_matmul', 'f32[N, D]; f32[F, D]; i32[N]', {}, 'grouped_matmul: the bank has 3 axes, not [F, D]'],
  [
    'sort_by_expert',
    'i32[T, 2]; i32[T, 4]',
    { experts: 4, block: 16, tile: 8 },
    'sort_by_expert: axis 0 of counts and its size differ: T and ceil(T, 16)',
  ],
  ['expert_histogram', 'i32[T, 2]', { experts: 4, block: 0 }, 'expert_histogram: block is 1 or more, not 0'],
])('%s of %s with %o is refused', (op, inputs, params, wanted) => expect(result(op, inputs, params)).toBe(wanted))
