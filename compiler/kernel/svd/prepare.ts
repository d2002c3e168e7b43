/** Before the rotations: finds elements that are not finite, scales the matrix, and stores the vectors where they are rotated. */
import { binary, divide, f32, less, multiply, remainder, select, u32, unary, variable } from '../../scalar/build.ts'
import type { Statement } from '../../scalar/expression.ts'
import type { Places } from './places.ts'
import { reduceAll } from './reduce-all.ts'
import { mutable, assign, when, sharedLoop, BUFFER_BARRIER } from '../../scalar/statements.ts'

const LARGEST = 3.4028234663852886e38
export const NOWHERE = 0xffffffff

/** Defines `most`, the largest magnitude, and `bad`, the first element that is NaN or infinite, or NOWHERE. */
function survey({ threads, rows, columns, given }: Places): readonly Statement[] {
  const [most, bad] = [variable('f32', 'most'), variable('u32', 'bad')]
  return [
    mutable('most', f32(0)),
    mutable('bad', u32(NOWHERE)),
    sharedLoop('t', multiply(rows, columns), threads.all, (t) => {
      const magnitude = unary('abs', given(t))
      return [
        assign('most', binary('maximum', most, magnitude)),
        when(unary('not', binary('less_equal', magnitude, f32(LARGEST))), [assign('bad', binary('minimum', bad, t))]),
      ]
    }),
    ...reduceAll('most', 'f32', 'max'),
    ...reduceAll('bad', 'u32', 'min'),
  ]
}

/** Defines `scale` and its inverse `unscale`, powers of four: most * scale is in 1..4, where no square overflows or vanishes. */
function chooseScale(): readonly Statement[] {
  const scaled = multiply(variable('f32', 'most'), variable('f32', 'scale'))
  const by = (power: number): readonly Statement[] => [
    assign('scale', multiply(variable('f32', 'scale'), f32(2 ** power))),
    assign('unscale', multiply(variable('f32', 'unscale'), f32(2 ** -power))),
  ]
  const steps = [64, 32, 16, 8, 4, 2].flatMap((power) => [
    when(binary('less_equal', f32(2 ** power), scaled), by(-power)),
    when(less(scaled, f32(2 ** (2 - power))), by(power)),
  ])
  return [mutable('scale', f32(1)), mutable('unscale', f32(1)), ...steps]
}

/** Stores the scaled matrix as the longer vectors, and unit vectors as the shorter ones. */
function fill({ threads, rows, columns, count, tall, long, short, given, put }: Places): readonly Statement[] {
  return [
    sharedLoop('t', multiply(rows, columns), threads.all, (t) => {
      const [row, column] = [divide(t, columns), remainder(t, columns)]
      return [put(long(select(tall, column, row), select(tall, row, column)), multiply(given(t), variable('f32', 'scale')))]
    }),
    sharedLoop('t', multiply(count, count), threads.all, (t) => {
      const [j, i] = [divide(t, count), remainder(t, count)]
      return [put(short(j, i), select(binary('equal', i, j), f32(1), f32(0)))]
    }),
    BUFFER_BARRIER,
  ]
}

export const prepare = (places: Places): readonly Statement[] => [...survey(places), ...chooseScale(), ...fill(places)]
