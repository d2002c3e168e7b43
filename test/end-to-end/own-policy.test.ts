import { expect, test } from 'vitest'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { folderOf } from '../support/folder.ts'
import { besideOracle } from '../support/oracle.ts'
import { feedsOf } from '../support/random.ts'
import { read } from '../support/sources.ts'
import { graphOf } from '../support/graph.ts'

const policy = `/// Each expert is a point; a token goes to the nearest ones, and the nearer they are, the more they count.
policy nearest(k: int in 1..E = 2, reach: real in 0.0.. = 0.5) {
  param point: f32[E, D]
  let distance = sum(x * x, keep = true) - 2.0 * (x @ point.T) + sum(point * point)
  select top k by -distance
  let w = exp(-reach * pick(distance, selected))
  weigh w / sum(w, keep = true)
}
`

const model = `import { nearest } from "./nearest"

expert linear(x: f32[T, D]) -> f32[T, D] {
  param matrix: f32[D, D]
  return x @ matrix.T
}

model cells(D: int = 5, E: int = 7, k: int in 1..E = 3) {
  input hidden: f32[T, D]
  output out: f32[T, D] = moe(hidden) {
    experts E of linear()
    route nearest(k = k)
    require dropless
  }
}
`

const at = folderOf({ 'nearest.smoe': policy, 'cells.smoe': model })

const row = ({ shape, values }: HostTensor, i: number): Float64Array => values.subarray(i * shape[1], (i + 1) * shape[1])
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i], 0)

/** The same in plain words of TypeScript, a token at a time. */
function expected(hidden: HostTensor, point: HostTensor, matrix: HostTensor, k: number, reach: number): number[] {
  const [count, width] = matrix.shape
  return Array.from({ length: hidden.shape[0] }, (_, t) => t).flatMap((t) => {
    const x = row(hidden, t)
    const near = Array.from({ length: count }, (_, e) => ({
      e,
      far: x.reduce((sum, value, i) => sum + (value - row(point, e)[i]) ** 2, 0),
    }))
      .sort((a, b) => a.far - b.far || a.e - b.e)
      .slice(0, k)
    const total = near.reduce((sum, { far }) => sum + Math.exp(-reach * far), 0)
    return Array.from({ length: width }, (_, f) =>
      near.reduce(
        (sum, { e, far }) =>
          sum +
          (Math.exp(-reach * far) / total) * dot(x, matrix.values.subarray((e * width + f) * width, (e * width + f + 1) * width)),
        0,
      ),
    )
  })
}

test.each(await softwareDevices())('it runs on %s as it stands', { ...ON_DEVICES, timeout: 240_000 }, async (name) => {
  const graph = graphOf(read(at('cells.smoe')))
  const device = await open(name)
  const [{ outputs, expected: want }] = await besideOracle(device, graph, feedsOf(graph, { T: 40 }))
  device.dispose()
  expect(relativeError(outputs.out.data, want.out.values)).toBeLessThan(2e-5)
})

test('a policy that no paper has and no code knows is one file', () => {
  const graph = graphOf(read(at('cells.smoe')))
  const feeds = feedsOf(graph, { T: 40 })
  const { out } = evaluate(graph, feeds)
  const { 'moe.router.point': point, 'moe.experts.matrix': matrix } = feeds.weights
  expect(relativeError(out.values, expected(feeds.inputs.hidden, point, matrix, 3, 0.5))).toBeLessThan(1e-12)
})
