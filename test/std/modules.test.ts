/** Parts of the library beside the same modules of transformers, evaluated in f64: scripts/fixtures/std_modules.py made them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { relativeError } from '../support/compare.ts'
import { open, storedAll } from '../support/devices.ts'
import { graphOf, planOf } from '../support/graph.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { weightsOf } from '../support/weights.ts'
import { modules, textOf, type Module } from './modules.ts'

const folder = join(root, 'test/fixtures/std')

type Tensors = Readonly<Record<string, HostTensor>>

interface Opened {
  readonly graph: Graph
  readonly inputs: Tensors
  readonly tensors: Tensors
  readonly y: HostTensor
}

const known = new Map<Module, Opened>()

/** A module with its file, checked and lowered once. */
function opened(module: Module): Opened {
  const found = known.get(module) ?? readModule(module)
  known.set(module, found)
  return found
}

function readModule(module: Module): Opened {
  const tensors = readSafetensors(join(folder, `${module.name}.safetensors`))
  const graph = graphOf({ path: `${module.name}.smoe`, text: textOf(module) })
  const { x, y, present } = tensors
  const inputs = { x, ...(present === undefined ? {} : { present: hostTensor(present.shape, 'bool', present.values) }) }
  return { graph, inputs, tensors, y }
}

test('every file has a module', () => {
  expect(readdirSync(folder).sort()).toEqual(modules.map(({ name }) => `${name}.safetensors`).sort())
})

describe('in f64', () => {
  test.each(modules.map((module) => [module.name, module] as const))('%s', (_, module) => {
    const { graph, inputs, tensors, y } = opened(module)
    expect(relativeError(evaluate(graph, { inputs, weights: weightsOf(graph, tensors) }).y.values, y.values)).toBeLessThan(1e-6)
  })
})

describe('on cpu', () => {
  let device: Device
  beforeAll(async () => void (device = await open('cpu')))
  afterAll(() => device.dispose())

  test.each(modules.map((module) => [module.name, module] as const))('%s', async (_, module) => {
    const { graph, inputs, tensors, y } = opened(module)
    const session = await createSession(device, planOf(graph, device.target))
    await session.loadWeights(memoryCheckpoint(storedAll(tensors)), { allowExtra: true })
    const outputs = await session.run(storedAll(inputs))
    session.dispose()
    expect(relativeError(outputs.y.data, y.values)).toBeLessThan(2e-5)
  })
})
