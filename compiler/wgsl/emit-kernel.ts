/** Emits a kernel: its WGSL, and what the plan records of it. */
import type { WgslKernel } from '../../plan/plan.ts'
import { placeOf, type EmitOptions, type EmittedKernel } from '../kernel/emitted.ts'
import { attentionThreads } from '../kernel/ir/attention-threads.ts'
import type { Attention } from '../kernel/ir/attention.ts'
import type { Computation, KernelBuffer, KernelProgram } from '../kernel/ir/kernel.ts'
import { partsOf } from '../kernel/parts.ts'
import { tilesFor } from '../../plan/tiles.ts'
import { chooseMatmul } from './choose-matmul.ts'
import { bindingNames, emitModule, type ModuleBuffer } from './module.ts'
import { attentionRefusal, emitAttention } from './templates/attention.wgsl.ts'
import type { TemplateCode } from './template-code.ts'
import { allReduceTypes, createScalarEmitter, declareAllReduce } from './emit-scalar.ts'

const SHARED_BYTES = 4

export function emitKernel(program: KernelProgram, options: EmitOptions): EmittedKernel<WgslKernel> {
  const text = textOf(program, options)
  const buffers = program.buffers.map((buffer) => moduleBuffer(buffer, text.code.vec4Buffers, options))
  const { wgsl, bodyOffset, needsF16 } = emitModule({
    title: program.does,
    body: text.code.body,
    buffers,
    dims: options.dims,
    needsSubgroups: text.code.needsSubgroups,
    declarations: text.declarations,
  })
  const place = placeOf(program.origin)
  return {
    kernel: {
      name: program.name,
      wgsl,
      entryPoint: 'main',
      bindings: buffers.flatMap((buffer) =>
        bindingNames(buffer).map((name) => ({
          name,
          access: buffer.access,
          dtype: buffer.storage,
          ...(buffer.format === undefined ? {} : { storage: buffer.format }),
        })),
      ),
      workgroupSize: text.code.workgroupSize,
      template: text.template,
      reason: text.reason,
      refused: text.refused,
      places: place === null ? [] : [{ wgslLine: bodyOffset, place }],
      needsSubgroups: text.code.needsSubgroups,
    },
    workgroups: text.code.workgroups,
    bindings: buffers.flatMap(({ parts }, buffer) => Array.from({ length: parts }, (_, part) => ({ buffer, part }))),
    workgroupBytes: text.code.workgroupBytes,
    features: needsF16 ? ['shader-f16'] : [],
  }
}

interface KernelText {
  readonly code: TemplateCode
  readonly declarations: readonly string[]
  readonly template: string
  readonly reason: string
  readonly refused: readonly { readonly template: string; readonly reason: string }[]
}

function moduleBuffer(
  { name, node, access, storage: format }: KernelBuffer,
  vec4Buffers: readonly string[],
  { target, storage }: EmitOptions,
): ModuleBuffer {
  const vec4 = vec4Buffers.includes(name)
  return {
    name,
    access,
    type: node.dtype,
    storage: storage(node),
    ...(format === undefined ? {} : { format }),
    vec4,
    ...partsOf(node, target),
  }
}

function textOf(program: KernelProgram, options: EmitOptions): KernelText {
  const { computation } = program
  switch (computation.kind) {
    case 'matmul':
      return matmulText(program, options)
    case 'attention':
      return attentionText(program, computation.attention, options)
    case 'workgroups':
      return workgroupText(program, computation, options)
    default:
      return computation satisfies never
  }
}

function attentionText(program: KernelProgram, attention: Attention, options: EmitOptions): KernelText {
  const refusal = attentionRefusal(attention)
  if (refusal !== null) {
    const text = workgroupText(program, attentionThreads(attention), options)
    return { ...text, template: 'attention, by element', refused: [{ template: program.template, reason: refusal }] }
  }
  const emit = createScalarEmitter({ dims: options.dims, threads: 1, oneSubgroup: false })
  const { rowsEach, rowsEachGradient, together } = tilesFor(options.target).attention
  const code = emitAttention(attention, { rowsEach: attention.role === 'forward' ? rowsEach : rowsEachGradient, together }, emit)
  return { code, declarations: [], template: program.template, reason: program.reason, refused: [] }
}

function matmulText(program: KernelProgram, { dims, target, variant }: EmitOptions): KernelText {
  if (program.computation.kind !== 'matmul') throw new Error('not a matmul')
  const choice = chooseMatmul(program.computation.matmul, target, variant)
  const writer = createScalarEmitter({ dims, threads: 1, oneSubgroup: false })
  return {
    code: choice.emit(writer),
    declarations: [],
    template: choice.template,
    reason: choice.reason,
    refused: choice.refused,
  }
}

type Workgroups = Extract<Computation, { readonly kind: 'workgroups' }>

function workgroupText(program: KernelProgram, computation: Workgroups, { dims, target }: EmitOptions): KernelText {
  const { workgroupSize: threads, shared, workgroups } = computation
  const reduces = computation.body.some((statement) => statement.kind === 'all-reduce')
  const oneSubgroup = reduces && target.subgroupSize === threads
  const options = { dims, threads, oneSubgroup }
  const writer = createScalarEmitter(options)
  const reduced = allReduceTypes(computation.body, options)
  const statements = writer.statements(computation.body, 1)
  const memory = [
    ...shared.map(({ name, type, length }) => `var<workgroup> ${name}: array<${type}, ${Math.max(1, length)}>;`),
    ...reduced.map((type) => declareAllReduce(type, options)),
  ]
  const body = [
    `@compute @workgroup_size(${threads})`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup_id: vec3<u32>,',
    '  @builtin(num_workgroups) num_workgroups: vec3<u32>,',
    '  @builtin(local_invocation_index) thread: u32,',
    ') {',
    '  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;',
    `  if (workgroup >= ${writer.size(workgroups)}) { return; }`,
    `${statements}}`,
  ].join('\n')
  const sharedElements = shared.reduce((sum, { length }) => sum + length, 0) + reduced.length * threads
  return {
    code: {
      body,
      workgroupSize: [threads, 1, 1],
      workgroups,
      needsSubgroups: oneSubgroup,
      workgroupBytes: sharedElements * SHARED_BYTES,
      vec4Buffers: [],
    },
    declarations: memory,
    template: program.template,
    reason: program.reason,
    refused: [],
  }
}
