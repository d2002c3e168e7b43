import { describe, expect, it } from 'vitest'
import { compileGraph } from '../../compiler/compile.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { splitLoadTimeConstants } from '../../compiler/passes/load-time-constants.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { PORTABLE } from '../../plan/target.ts'
import { checkPlan } from '../../plan/check.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { createSession } from '../../runtime/session.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'

const read = (text: string) => parse(text, createBuilder().make)

const text = `graph "g"
dim B
%0 = input name "x" : f32[B, 4]
%1 = weight name "w" source ["w"] doc "" : f32[3, 4]
%2 = multiply(%1, %1) : f32[3, 4]
%3 = compute_at_load(%2) name "squares" : f32[3, 4]
%4 = sum(%3) axis 1 : f32[3]
%5 = compute_at_load(%4) name "norms" : f32[3]
%6 = compute_at_load(%1) name "as it is" : f32[3, 4]
%7 = contract(%0, %6) batch [] over [[1, 1]] : f32[B, 3]
%8 = broadcast(%5) axes [1] : f32[B, 3]
%9 = add(%7, %8) : f32[B, 3]
output "y" = %9
`

const names = await softwareDevices()

describe('what depends on weights alone', () => {
  it('is made by a program of its own, and read by the others', () => {
    const { once, main } = splitLoadTimeConstants(read(text))
    expect(once!.outputs.map(({ name }) => name)).toEqual(['norms'])
    const { plan } = compileGraph(read(text), PORTABLE)
    expect(checkPlan(JSON.parse(JSON.stringify(plan))).problems).toEqual([])
    expect(plan!.held.map(({ name, shape }) => [name, shape])).toEqual([['norms', ['3']]])
    expect(main.outputs.map(({ name }) => name)).toEqual(['y'])
  })

  it('is nothing where nothing is held', () => {
    expect(
      splitLoadTimeConstants(read('graph "g"\n%0 = input name "x" : f32[4]\n%1 = exp(%0) : f32[4]\noutput "y" = %1\n')).once,
    ).toBeNull()
  })

  it('shares memory where one value has two names, and leaves a constant where it is', () => {
    const { plan } = compileGraph(
      read(`graph "g"
dim B
%0 = input name "x" : f32[B, 4]
%1 = weight name "w" source ["w"] doc "" : f32[2, 2]
%2 = multiply(%1, %1) : f32[2, 2]
%3 = compute_at_load(%2) name "squares" : f32[2, 2]
%4 = compute_at_load(%2) name "again" : f32[2, 2]
%5 = reshape(%4) : f32[4]
%6 = broadcast(%5) axes [1] : f32[B, 4]
%7 = reshape(%3) : f32[4]
%8 = broadcast(%7) axes [1] : f32[B, 4]
%9 = constant values [1, 2, 3, 4] : f32[4]
%10 = add(%9, %9) : f32[4]
%11 = compute_at_load(%10) name "twice" : f32[4]
%12 = broadcast(%11) axes [1] : f32[B, 4]
%13 = add(%6, %8) : f32[B, 4]
%14 = add(%13, %12) : f32[B, 4]
%15 = add(%14, %0) : f32[B, 4]
output "y" = %15
`),
      PORTABLE,
    )
    expect(checkPlan(JSON.parse(JSON.stringify(plan))).problems).toEqual([])
    expect(plan!.held.map(({ name }) => name)).toEqual(['squares', 'again'])
    expect(new Set(plan!.held.map(({ buffer }) => buffer)).size).toBe(1)
    const readBuffers = new Set(
      plan!.programs.flatMap(({ steps }) => steps.flatMap(({ bindings }) => bindings.map(({ buffer }) => buffer))),
    )
    expect(plan!.held.every(({ buffer }) => readBuffers.has(buffer))).toBe(true)
  })

  it.each(names)(
    'is there before the first run, can be read, and can be loaded in its place, on %s',
    ON_DEVICES,
    async (name) => {
      const device = await open(name)
      const graph = read(text)
      const w = hostTensor(
        [3, 4],
        'f32',
        Float64Array.from({ length: 12 }, (_, i) => i / 8 - 0.5),
      )
      const x = hostTensor(
        [2, 4],
        'f32',
        Float64Array.from({ length: 8 }, (_, i) => i / 4),
      )
      const want = evaluate(graph, { inputs: { x }, weights: { w } }).y.values
      const weights = memoryCheckpoint(storedAll({ w }))
      const session = await createSession(device, compileGraph(graph, device.target).plan!)
      await session.loadWeights(weights)
      const input = { x: { shape: [2, 4], data: Float32Array.from(x.values) } }
      const got = (await session.run(input)).y.data
      got.forEach((value, i) => expect(value).toBeCloseTo(want[i], 5))
      expect(session.held().norms.data[0]).toBeCloseTo(
        w.values.slice(0, 4).reduce((sum, v) => sum + v * v, 0),
        6,
      )

      await session.loadWeights(weights, { held: memoryCheckpoint({ norms: { shape: [3], data: Float32Array.of(0, 0, 0) } }) })
      const without = (await session.run(input)).y.data
      expect(got[0] - without[0]).toBeCloseTo(
        w.values.slice(0, 4).reduce((sum, v) => sum + v * v, 0),
        5,
      )
      await expect(session.loadWeights(weights, { held: memoryCheckpoint({}) })).rejects.toThrow('norms is missing')
      session.dispose()
      device.dispose()
    },
  )
})
