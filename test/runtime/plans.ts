import type { Kernel, KernelBinding, Plan, PlanBuffer, Port, StorageType, WasmKernel } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import { graphOf, planOf } from '../support/graph.ts'

const ANY = {
  features: [],
  maxStorageBuffersPerShaderStage: 4,
  maxComputeInvocationsPerWorkgroup: 64,
  maxComputeWorkgroupStorageSize: 0,
  maxStorageBufferBindingSize: 0,
  subgroupSize: null,
} as const

export const buffer = (
  id: number,
  name: string,
  role: PlanBuffer['role'],
  elements: string,
  dtype: StorageType = 'f32',
): PlanBuffer => ({ id, name, role, dtype, elements, partElements: null, parts: 1 })

export const port = (name: string, shape: readonly string[], id: number, dtype: StorageType = 'f32'): Port => ({
  name,
  dtype,
  shape,
  buffer: id,
  doc: '',
})

const WORDS = { read: 'read', read_write: 'read_write' } as const

/** An elementwise kernel: `body` computes for `i`, which is below `count`. */
export function elementwise(id: number, name: string, bindings: readonly KernelBinding[], count: string, body: string): Kernel {
  const declared = bindings.map(
    ({ name, access, dtype }, at) => `@group(0) @binding(${at + 1}) var<storage, ${WORDS[access]}> ${name}: array<${dtype}>;`,
  )
  const wgsl = `@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
${declared.join('\n')}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= ${count}) { return; }
  ${body}
}
`
  const place = { path: 'tiny.smoe', line: 7, column: 3, instance: 'layers.0/add' }
  return {
    id,
    name,
    wgsl,
    entryPoint: 'main',
    bindings,
    workgroupSize: [64, 1, 1],
    template: 'elementwise',
    reason: 'there is one',
    refused: [],
    places: [
      { wgslLine: 1, place: { ...place, line: 1 } },
      { wgslLine: declared.length + 4, place },
    ],
    needsSubgroups: false,
  }
}

export const f32 = (name: string, access: KernelBinding['access'] = 'read'): KernelBinding => ({ name, access, dtype: 'f32' })

/** y[B, N] = x[B, N] + w[N], N = 4: by one kernel over a scratch copy of x. */
export function addPlan(change: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    target: 'webgpu',
    model: 'tiny',
    doc: 'adds a weight to every row',
    dims: [{ name: 'B', doc: 'rows' }],
    inputs: [port('x', ['B', '4'], 0)],
    outputs: [port('y', ['B', '4'], 1)],
    weights: [
      {
        ...port('w', ['4'], 2),
        stacked: false,
        pieces: [{ tensor: 'w', slices: [], transpose: false }],
      },
    ],
    constants: [],
    held: [],
    once: null,
    buffers: [
      buffer(0, 'x', 'input', '4*B'),
      buffer(1, 'y', 'output', '4*B'),
      buffer(2, 'w', 'weight', '4'),
      buffer(3, 'copy', 'scratch', '4*B'),
    ],
    kernels: [
      elementwise(0, 'copy', [f32('x'), f32('y', 'read_write')], 'dims[0].x * 4u', 'y[i] = x[i];'),
      elementwise(1, 'add', [f32('x'), f32('w'), f32('y', 'read_write')], 'dims[0].x * 4u', 'y[i] = x[i] + w[i % 4u];'),
    ],
    programs: [
      {
        name: 'any',
        when: null,
        slots: [{ bytes: ['16*B'] }],
        placement: [{ buffer: 3, slot: 0 }],
        steps: [
          {
            kernel: 0,
            bindings: [
              { buffer: 0, part: 0 },
              { buffer: 3, part: 0 },
            ],
            workgroups: 'ceil(4*B, 64)',
            label: 'copy',
          },
          {
            kernel: 1,
            bindings: [
              { buffer: 3, part: 0 },
              { buffer: 2, part: 0 },
              { buffer: 1, part: 0 },
            ],
            workgroups: 'ceil(4*B, 64)',
            label: 'add',
          },
        ],
      },
    ],
    requires: ANY,
    ...change,
  }
}

/** w[4] += x[4], s[4] = w before * 10, and y, read back, is w before: w is copied or written in place, s only written. */
export function replacePlan(way: 'copied' | 'in place' = 'copied'): Plan {
  const weight = (name: string, id: number, pieces: readonly string[]) => ({
    ...port(name, ['4'], id),
    stacked: false,
    pieces: pieces.map((tensor) => ({ tensor, slices: [], transpose: false })),
  })
  const inPlace = way === 'in place'
  const steps = [
    {
      kernel: 0,
      bindings: [
        { buffer: 2, part: 0 },
        { buffer: 3, part: 0 },
        { buffer: 1, part: 0 },
      ],
      workgroups: '1',
      label: 'scale',
    },
    {
      kernel: 1,
      bindings: [0, 2, ...(inPlace ? [] : [4])].map((id) => ({ buffer: id, part: 0 })),
      workgroups: '1',
      label: 'move',
    },
  ]
  return addPlan({
    dims: [],
    inputs: [port('x', ['4'], 0)],
    outputs: [port('y', ['4'], 1), { ...port('w', ['4'], 2), replaces: 'w' }, { ...port('s', ['4'], 3), replaces: 's' }],
    weights: [weight('w', 2, ['w']), weight('s', 3, [])],
    buffers: [
      buffer(0, 'x', 'input', '4'),
      buffer(1, 'y', 'output', '4'),
      buffer(2, 'w', 'weight', '4'),
      buffer(3, 's', 'weight', '4'),
      ...(inPlace ? [] : [buffer(4, 'moved', 'scratch', '4')]),
    ],
    kernels: [
      elementwise(
        0,
        'scale',
        [f32('w'), f32('s', 'read_write'), f32('y', 'read_write')],
        '4u',
        's[i] = w[i] * 10.0; y[i] = w[i];',
      ),
      inPlace
        ? elementwise(1, 'move', [f32('x'), f32('w', 'read_write')], '4u', 'w[i] = w[i] + x[i];')
        : elementwise(1, 'move', [f32('x'), f32('w'), f32('v', 'read_write')], '4u', 'v[i] = w[i] + x[i];'),
    ],
    programs: [
      inPlace
        ? { name: 'any', when: null, slots: [], placement: [], steps }
        : {
            name: 'any',
            when: null,
            slots: [{ bytes: ['16'] }],
            placement: [{ buffer: 4, slot: 0 }],
            steps,
            copies: [{ from: 4, to: 2 }],
          },
    ],
  })
}

const ADD = `model tiny() {
  input x: f32[B, 4]
  param w: f32[4]
  output y = x + w
}
`

/** The plan of `addPlan` for what a device runs. */
export function addPlanFor({ target }: Pick<Device, 'target'>): Plan {
  return target.runs === 'webgpu' ? addPlan() : planOf(graphOf({ path: 'tiny.smoe', text: ADD }), target)
}

/** A plan for the cpu device whose kernels are no other plan's: a custom section has this text. */
export function withOwnKernels(plan: Plan, text: string): Plan {
  const section = Buffer.from([0, text.length + 1, text.length, ...Buffer.from(text)])
  const kernels = plan.kernels.map((kernel) => ({
    ...(kernel as WasmKernel),
    wasm: Buffer.concat([Buffer.from((kernel as WasmKernel).wasm, 'base64'), section]).toString('base64'),
  }))
  return { ...plan, kernels }
}
