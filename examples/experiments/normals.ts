/** Normal numbers of a seed and a name, in f64. */
import { stream } from '../../training/random.ts'

/** Box and Muller, 1958: two numbers of the stream each. */
export function normals(seed: number, what: string, length: number, scale: number): Float64Array {
  const chance = stream(seed, 'weights', what)
  return Float64Array.from(
    { length },
    (_, at) => scale * Math.sqrt(-2 * Math.log(chance.uniform(2 * at))) * Math.cos(2 * Math.PI * chance.uniform(2 * at + 1)),
  )
}
