import { expect, test } from 'vitest'
import { printPlan } from '../../plan/print.ts'
import { addPlan, replacePlan } from '../runtime/plans.ts'

test('a plan in words', () => {
  expect(printPlan(addPlan())).toMatchInlineSnapshot(`
    "plan tiny for webgpu, version 1
    adds a weight to every row

    dims
      B  // rows

    inputs
      x: f32[B, 4]

    outputs
      y: f32[B, 4]

    weights
      w: f32[4] = "w"

    buffers
      %0 x: input f32 x 4*B
      %1 y: output f32 x 4*B
      %2 w: weight f32 x 4
      %3 copy: scratch f32 x 4*B

    kernels
      #0 copy: elementwise, 64 x 1 x 1 invocations; there is one
      #1 add: elementwise, 64 x 1 x 1 invocations; there is one

    program any, in every other case: 2 dispatches
      slot 0: 16*B bytes
      0 copy: copy <ceil(4*B, 64)> (x, copy!)
      1 add: add <ceil(4*B, 64)> (copy, w, y!)

    requires
      maxStorageBuffersPerShaderStage: 4
      maxComputeInvocationsPerWorkgroup: 64
      maxComputeWorkgroupStorageSize: 0
      maxStorageBufferBindingSize: 0
    "
  `)
})

test('what replaces a weight, and a weight that begins as zeros', () => {
  const text = printPlan(replacePlan())
  expect(text).toContain('  y: f32[4]\n  w: f32[4] replaces w\n  s: f32[4] replaces s\n')
  const [w, s] = replacePlan().weights
  const role = { kind: 'gradient', of: 'w' } as const
  const variables = printPlan({ ...replacePlan(), weights: [w, { ...s, name: 'gradient.w', variable: role }] })
  expect(variables).toContain('weights\n  w: f32[4] = "w"\n\nvariables\n  gradient.w: f32[4] = gradient of "w"\n')
  const [y, ...others] = replacePlan().outputs
  const loss = printPlan({ ...replacePlan(), outputs: [{ ...y, role: { kind: 'loss', path: '', term: 'size' } }, ...others] })
  expect(loss).toContain('  y: f32[4] as loss path "" term "size"\n')
  expect(text).toContain('(x, w, moved!)\n  then moved is copied to w\n')
  expect(text).toContain('  w: f32[4] = "w"\n  s: f32[4] = zeros\n')
})
