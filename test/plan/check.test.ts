import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPlan, readPlan } from '../../plan/check.ts'
import { ROUTING_PARTS } from '../../plan/output-role.ts'
import type { Plan } from '../../plan/plan.ts'
import { addPlan, replacePlan } from '../runtime/plans.ts'
import { assertProperty } from '../support/property.ts'

type Path = readonly (string | number)[]

/** The plan with one value put in the place of another; undefined takes it out. */
function changed(path: Path, value: unknown, of = addPlan()): unknown {
  const plan = JSON.parse(JSON.stringify(of)) as Record<string | number, unknown>
  let inner = plan
  for (const key of path.slice(0, -1)) inner = inner[key] as Record<string | number, unknown>
  inner[path.at(-1)!] = value
  return plan
}

test('a plan that is right is the plan', () => {
  const plan = addPlan()
  expect(checkPlan(plan)).toEqual({ plan, problems: [] })
  expect(readPlan(JSON.stringify(plan)).plan).toEqual(plan)
})

test.each<[Path, unknown, string]>([
  [['version'], 2, 'version: this runs plans of version 1, not 2; compile the spec again'],
  [['target'], 'metal', 'target: one of webgpu, cpu is expected, not "metal"'],
  [['model'], undefined, 'model: a text is expected, not nothing'],
  [['extra'], 1, "the plan: the field 'extra' is unknown"],
  [['dims', 0, 'name'], 'C', 'dims: no input has an axis C, so nothing says what it is'],
  [['dims', 1], { name: 'B', doc: '' }, 'dims: B is there twice'],
  [['inputs', 0, 'dtype'], 'f64', 'inputs[0].dtype: one of f32, i32, u32 is expected, not "f64"'],
  [['inputs', 0, 'dtype'], 'i32', 'inputs[0].dtype: i32, and its buffer x is f32'],
  [['inputs', 0, 'buffer'], 1, 'inputs[0].buffer: y is of the role output, not input'],
  [['inputs', 0, 'buffer'], 17, 'inputs[0].buffer: no buffer has the id 17'],
  [['outputs', 0, 'buffer'], 3, 'outputs[0].buffer: copy is of the role scratch, not output'],
  [['outputs', 0, 'shape', 0], 'Q', 'outputs[0].shape[0]: Q speaks of Q, which is not a dim of the plan'],
  [['outputs', 0, 'shape', 0], '2*', "outputs[0].shape[0]: the dimension '2*' ends too early"],
  [['outputs', 0, 'shape', 0], 2, 'outputs[0].shape[0]: a size such as "32*B" is expected, not 2'],
  [['weights', 0, 'shape', 0], 'B', 'weights[0] (w).shape[0]: B is not a number; what is loaded once has a fixed size'],
  [['weights', 0, 'stacked'], true, 'weights[0] (w).pieces: 4 are expected, not 1'],
  [
    ['weights', 0, 'pieces', 0, 'slices', 0],
    { kind: 'range', start: 0, stop: null, step: 0 },
    'weights[0].pieces[0].slices[0].step: a whole number from 1 on is expected, not 0',
  ],
  [
    ['weights', 0, 'pieces', 0, 'slices', 0],
    { kind: 'some' },
    'weights[0].pieces[0].slices[0].kind: one of all, index, range is expected, not "some"',
  ],
  [['constants', 0], { buffer: 2, dtype: 'f32', values: [] }, 'constants[0].buffer: 2 is not a constant buffer'],
  [['buffers', 0, 'id'], 1, 'buffers: 1 is there twice'],
  [['buffers', 2, 'parts'], 2, 'buffers[2] (w).partElements: 2 parts need their size'],
  [['buffers', 2, 'partElements'], 3, 'buffers[2] (w).parts: 1 of 3 do not hold 4'],
  [['kernels', 0, 'workgroupSize'], [64], 'kernels[0].workgroupSize: 3 entries are expected, not 1'],
  [['programs'], [], 'programs: there is none'],
  [
    ['programs', 0, 'when'],
    { dim: 'B', atMost: 1 },
    'programs[0].when: the last program runs in every other case, so it has no condition',
  ],
  [
    ['programs', 0, 'placement'],
    [],
    'programs[0].steps[0].bindings[1].buffer: copy is scratch and placed in no slot of this program',
  ],
  [['programs', 0, 'placement', 0, 'slot'], 1, 'programs[0].placement[0].slot: there are 1 slots, not a slot 1'],
  [['programs', 0, 'steps', 0, 'kernel'], 5, 'programs[0].steps[0].kernel: no kernel has the id 5'],
  [['programs', 0, 'steps', 0, 'bindings', 0, 'buffer'], 17, 'programs[0].steps[0].bindings[0].buffer: no buffer has the id 17'],
  [['programs', 0, 'steps', 0, 'bindings', 0, 'part'], 1, 'programs[0].steps[0].bindings[0].part: x has 1 parts, not a part 1'],
  [['programs', 0, 'steps', 0, 'bindings', 2], { buffer: 0, part: 0 }, 'programs[0].steps[0].bindings: copy has 2, not 3'],
  [
    ['programs', 0, 'steps', 0, 'bindings', 0, 'buffer'],
    3,
    'programs[0].steps[0]: bindings 0 and 1 lie in the same memory and one of them is written',
  ],
  [
    ['programs', 0, 'steps', 0, 'bindings', 1, 'buffer'],
    2,
    'programs[0].steps[0].bindings[1]: w is of the role weight and is not written',
  ],
  [['kernels', 0, 'bindings', 0, 'dtype'], 'u32', "programs[0].steps[0].bindings[0]: x is f32, the kernel's x is u32"],
])('%j = %j', (path, value, problem) => {
  expect(checkPlan(changed(path, value)).problems).toContain(problem)
})

test.each(['copied', 'in place'] as const)('weights may be replaced: %s', (way) =>
  expect(checkPlan(replacePlan(way)).problems).toEqual([]),
)

test('an output may have a role', () => {
  expect(checkPlan(changed(['outputs', 1, 'role'], { kind: 'weight', of: 'w' }, replacePlan())).problems).toEqual([])
  expect(checkPlan(changed(['outputs', 0, 'role'], { kind: 'gradient', of: 'x' }, replacePlan())).problems).toEqual([])
})

test.each<[Path, unknown, string]>([
  [['outputs', 1, 'role'], { kind: 'weight', of: 's' }, 'outputs[1].role: an output of the role weight replaces w, not s'],
  [['outputs', 1, 'role'], { kind: 'norm' }, 'outputs[1].role: an output of the role norm replaces w'],
  [
    ['outputs', 0, 'role'],
    { kind: 'f16_copy', of: 's' },
    'outputs[0].role: an output of the role f16_copy replaces nothing, not f16.s',
  ],
  [['outputs', 0, 'role'], { kind: 'loss', path: '', term: 3 }, 'outputs[0].role.term: a text is expected, not 3'],
  [
    ['outputs', 0, 'role'],
    { kind: 'routing', layer: 'moe', part: 'some' },
    `outputs[0].role.part: one of ${ROUTING_PARTS.join(', ')} is expected, not "some"`,
  ],
  [['weights', 0, 'variable'], { kind: 'gradient', of: 'w' }, 'weights[0] (w).pieces: a variable is in no checkpoint'],
  [['weights', 1, 'variable'], { kind: 'gradient', of: 'w' }, 'weights[1] (s).variable: it is called gradient.w'],
  [
    ['weights', 1, 'variable'],
    { kind: 'loss', path: '', term: 'a' },
    'weights[1].variable.kind: one of gradient, optimizer_state, f16_copy, cache is expected, not "loss"',
  ],
  [['outputs', 1, 'replaces'], 'v', 'outputs[1].replaces: there is no weight v'],
  [['outputs', 1, 'replaces'], '', 'outputs[1].replaces: a name is expected, not ""'],
  [['outputs', 1, 'replaces'], 's', 'outputs that replace: s is there twice'],
  [['outputs', 1, 'shape'], ['2', '2'], 'outputs[1].replaces: f32[2, 2] in the place of f32[4]'],
  [['outputs', 1, 'buffer'], 0, 'outputs[1].buffer: 0 is not that of the weight w'],
  [['outputs', 0, 'buffer'], 3, 'outputs[0].buffer: it is read back, and a step writes over it'],
  [['outputs', 2, 'replaces'], undefined, 'programs[0].steps[0].bindings[1]: s is of the role weight and is not written'],
  [['programs', 0, 'copies', 0, 'from'], 9, 'programs[0].copies[0].from: no buffer has the id 9'],
  [['programs', 0, 'copies', 0, 'to'], 0, 'programs[0].copies[0].to: 0 is of no weight that is replaced'],
  [['programs', 0, 'copies', 1], { from: 2, to: 3 }, 'programs[0].copies[1].from: w is no more what it was'],
  [['buffers', 4, 'elements'], '8', 'programs[0].copies[0]: 8 elements are copied to 4'],
  [['programs', 0, 'placement'], [], 'programs[0].copies[0].from: moved is scratch and placed in no slot of this program'],
  [
    ['once'],
    { name: 'once', when: null, slots: [], placement: [], steps: [] },
    'once: what it holds would not follow the weights that a run replaces',
  ],
])('of a plan that replaces weights, %j = %j', (path, value, problem) => {
  expect(checkPlan(changed(path, value, replacePlan())).problems).toContain(problem)
})

test('a kernel flags the zeros of a binding that it writes, and of none other', () => {
  const kernels = addPlan().kernels.map(({ id, name, bindings, workgroupSize, template, reason, refused }) => ({
    ...{ id, name, bindings, workgroupSize, template, reason, refused, places: [] },
    ...{ wasm: '', ownBytes: 0, marginBytes: 0 },
  }))
  const flagged = (binding: number): readonly string[] =>
    checkPlan({ ...addPlan(), target: 'cpu', kernels: kernels.map((kernel) => ({ ...kernel, zeroFlagged: binding })) }).problems
  expect(flagged(0)).toEqual([
    'kernels[0].zeroFlagged: copy does not write binding 0',
    'kernels[1].zeroFlagged: add does not write binding 0',
  ])
  expect(flagged(1)).toEqual(['kernels[1].zeroFlagged: add does not write binding 1'])
  expect(flagged(2)).toEqual(['kernels[0].zeroFlagged: copy does not write binding 2'])
})

test('several problems are told at once', () => {
  const plan = changed(['dims', 0, 'name'], 3) as Record<string, unknown>
  expect(checkPlan({ ...plan, doc: null, requires: {} }).problems.length).toBeGreaterThan(4)
})

test('anything at all is checked without a throw', () => {
  assertProperty(fc.property(fc.jsonValue(), (value) => void checkPlan(value)))
  assertProperty(fc.property(fc.string(), (text) => readPlan(text).plan === null))
})

test('any field made another kind of value is a problem, never a throw', () => {
  const keys = Object.keys(addPlan()) as (keyof Plan)[]
  assertProperty(fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => void checkPlan(changed([key], value))))
})
