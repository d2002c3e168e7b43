/** Ops without operands: what a graph starts from. */
import { constantValue, dim, evaluate, isConstant } from '../../plan/dim.ts'
import { variableName } from '../../plan/output-role.ts'
import { EXACT, type Records } from './record.ts'
import { fail, firstOf, shapeText, wantCount, wantSizes } from './shapes.ts'
import { elements, hostTensor } from './tensor.ts'

const leaf = { kind: 'leaf', since: 'source', commutative: false, accuracy: EXACT, scalar: null } as const

export const leaves: Records<'input' | 'weight' | 'variable' | 'constant' | 'load_time_constant' | 'iota'> = {
  input: {
    ...leaf,
    doc: 'A tensor given at each run.',
    formula: 'y = the input of this name',
    infer: (inputs, { dtype, shape }) => firstOf(wantCount(inputs, 0), wantSizes(shape)) ?? { dtype, shape },
    evaluate: (_, params, { input }) => input(params),
  },
  weight: {
    ...leaf,
    doc: 'A tensor of the checkpoint, f32; its sizes are numbers. One without pieces is in no checkpoint and begins as zeros.',
    formula: 'y = the weight of this name',
    infer(inputs, { name, shape, source }) {
      const symbolic = shape.find((size) => !isConstant(size))
      const pieces = source.stacked ? constantValue(shape[0]) : Math.min(1, source.pieces.length)
      return (
        firstOf(
          wantCount(inputs, 0),
          wantSizes(shape),
          symbolic ? fail(`the weight ${name} has the symbolic size ${symbolic.key}`) : null,
          source.pieces.length === pieces
            ? null
            : fail(`the weight ${name} ${shapeText(shape)} has ${source.pieces.length} pieces`),
        ) ?? { dtype: 'f32', shape }
      )
    },
    evaluate: (_, params, { weight }) => weight(params),
  },
  variable: {
    ...leaf,
    doc: 'Persistent state beside the weights, f32: a gradient, optimizer state, the f16 copy of a weight, or a cache. It begins as zeros; its sizes are numbers.',
    formula: 'y = the variable of this role',
    infer(inputs, { role, shape }) {
      const symbolic = shape.find((size) => !isConstant(size))
      return (
        firstOf(
          wantCount(inputs, 0),
          wantSizes(shape),
          symbolic ? fail(`the variable ${variableName(role)} has the symbolic size ${symbolic.key}`) : null,
        ) ?? { dtype: 'f32', shape }
      )
    },
    evaluate: (_, { role, shape }, { weight }) => weight({ name: variableName(role), shape }),
  },
  constant: {
    ...leaf,
    doc: 'Values written down, row-major.',
    formula: 'y[i...] = values[i...]',
    infer(inputs, { dtype, shape, values }) {
      const wanted = elements(shape)
      return (
        firstOf(
          wantCount(inputs, 0),
          values.length === wanted ? null : fail(`[${shape.join(', ')}] holds ${wanted} values, not ${values.length}`),
        ) ?? { dtype, shape: shape.map(dim) }
      )
    },
    evaluate: (_, { dtype, shape, values }) => hostTensor(shape, dtype, Float64Array.from(values)),
  },
  load_time_constant: {
    ...leaf,
    since: 'optimised',
    doc: 'The value that compute_at_load of this name computed when the weights were loaded; its sizes are numbers.',
    formula: 'y = the load-time constant of this name',
    infer: (inputs, { dtype, shape }) => firstOf(wantCount(inputs, 0), wantSizes(shape)) ?? { dtype, shape },
    evaluate: (_, params, { weight }) => weight(params),
  },
  iota: {
    ...leaf,
    doc: 'The whole numbers from 0, i32.',
    formula: 'y[i] = i',
    infer: (inputs, { size }) => firstOf(wantCount(inputs, 0), wantSizes([size])) ?? { dtype: 'i32', shape: [size] },
    evaluate(_, { size }, { dims }) {
      const length = evaluate(size, dims)
      return hostTensor(
        [length],
        'i32',
        Float64Array.from({ length }, (_, i) => i),
      )
    },
  },
}
