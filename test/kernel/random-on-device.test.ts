/** Random numbers on devices: the same bits as the host draws, whatever the counter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { constantValue, dim, symbol, type Dim } from '../../plan/dim.ts'
import { philox, uniformAt } from '../../plan/philox.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { call, literal, variable } from '../../compiler/scalar/build.ts'
import type { TemplateCode } from '../../compiler/wgsl/template-code.ts'
import { openSoftware } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { planOf } from '../support/graph-on-device.ts'
import { uniform } from '../support/random.ts'
import { prepare, emitterFor } from '../wgsl/templates/harness.ts'

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await openSoftware()
  expect(devices.length).toBeGreaterThan(0)
})
afterAll(() => devices.forEach((device) => device.dispose()))

/** Numbers of two streams, beside an input that says how many. */
function graphOf(shape: readonly Dim[]): Graph {
  const { make } = createBuilder()
  const key = make('input', [], { name: 'random', dtype: 'i32', shape: [dim(2)] }, NO_ORIGIN)
  const sizes = make(
    'input',
    [],
    { name: 'sizes', dtype: 'f32', shape: shape.filter((size) => constantValue(size) === undefined) },
    NO_ORIGIN,
  )
  const outputs = [0, 7].map((stream) => ({
    name: `u${stream}`,
    node: make('random', [key], { shape, stream }, NO_ORIGIN) as Node,
    doc: '',
  }))
  return { name: 'chance', doc: '', dims: [{ name: 'T', doc: '' }], inputs: [key, sizes] as Graph['inputs'], outputs, docs: {} }
}

describe('random', ON_DEVICES, () => {
  it.each([
    [[1, 1], 1],
    [[0, 0], 5],
    [[12345, 6], 63],
    [[-1, 2], 64],
    [[2147483647, 2147483647], 301],
    [[-2147483648, 99999], 4097],
  ] as const)('key %j, T = %i: as the host has it', async ([seed, step], tokens) => {
    for (const device of devices) {
      const session = await createSession(device, planOf(graphOf([symbol('T'), dim(3)]), device.target, 'prefill'))
      const got = await session.run({
        random: { shape: [2], data: Int32Array.of(seed, step) },
        sizes: { shape: [tokens], data: new Float32Array(tokens) },
      })
      session.dispose()
      for (const stream of [0, 7]) {
        const want = Float32Array.from({ length: 3 * tokens }, (_, at) => uniformAt(seed, step, stream, at))
        expect(got[`u${stream}`].data).toEqual(want)
      }
    }
  })
})

const COUNT = 4096

/** Five words in, one out. */
function bitsTemplate(): TemplateCode {
  const operands = ['x', 'y', 'z', 'w', 'place'].map((name) => variable('u32', name))
  return {
    body: `@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = u32(load_words(5u * id.x));
  let y = u32(load_words(5u * id.x + 1u));
  let z = u32(load_words(5u * id.x + 2u));
  let w = u32(load_words(5u * id.x + 3u));
  let place = u32(load_words(5u * id.x + 4u));
  store_bits(id.x, i32(${emitterFor({}).expression(call('random_bits', operands))}));
}`,
    workgroupSize: [64, 1, 1],
    workgroups: dim(COUNT / 64),
    needsSubgroups: false,
    workgroupBytes: 0,
    vec4Buffers: [],
  }
}

describe('random_bits', () => {
  it('is philox to the last bit, for keys and counters of all sizes', async () => {
    const next = uniform(3)
    const edges = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
    const word = (): number => (next() < 0.3 ? edges[Math.floor(next() * edges.length)] : Math.floor(next() * 2 ** 32))
    const cases = Array.from({ length: COUNT }, (_, i) => [word(), word(), word(), word(), i % 4] as const)
    const want = Int32Array.from(
      cases,
      ([key0, key1, counter0, counter1, place]) => philox([key0, key1], [counter0, counter1, 0, 0])[place],
    )
    // a shader of its own: what kernels draw is compared on every device above
    for (const device of devices.filter(({ target }) => target.runs === 'webgpu')) {
      const bounds = [
        { name: 'words', data: Int32Array.from(cases.flat()) },
        { name: 'bits', data: new Int32Array(COUNT), written: true },
      ]
      const prepared = await prepare(device, bitsTemplate(), bounds, {})
      prepared.submit()
      const got = await prepared.read('bits')
      prepared.dispose()
      expect(new Int32Array(got.buffer, got.byteOffset, COUNT)).toEqual(want)
    }
  })

  it('of literals is emitted as one call', () => {
    expect(
      emitterFor({}).expression(
        call(
          'random_bits',
          [1, 2, 3, 4, 0].map((value) => literal('u32', value)),
        ),
      ),
    ).toBe('smoe_philox(1u, 2u, 3u, 4u, 0u)')
  })
})
