import { describe, expect, it } from 'vitest'
import type { OutputRole } from '../../plan/output-role.ts'
import type { Plan } from '../../plan/plan.ts'
import { canonicalWgsl } from '../../scripts/replay/canonical.ts'
import { lineDifference, planDifferences } from '../../scripts/replay/compare.ts'
import { replayOptions } from '../../scripts/replay/options.ts'

const WGSL = `struct Dims { rows: u32 }
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
fn store_y(i: u32, value: f32) { y[i] = value; } // keeps
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let v0 = 2.0 * f32(id.x);

  switch id.x { case 0u: { store_y(0u, v0); } default: { } }
}`

const planWith = (wgsl: readonly string[], label = 'a'): Plan => ({
  version: 1,
  target: 'webgpu',
  model: 'm',
  doc: '',
  dims: [],
  inputs: [],
  outputs: [],
  weights: [],
  constants: [],
  held: [],
  buffers: [],
  once: null,
  kernels: wgsl.map((text, id) => ({
    id,
    name: label,
    wgsl: text,
    entryPoint: 'main',
    bindings: [],
    workgroupSize: [1, 1, 1],
    template: label,
    reason: label,
    refused: [],
    places: [],
    needsSubgroups: false,
  })),
  programs: [{ name: 'any', when: null, slots: [], placement: [], steps: [{ kernel: 0, bindings: [], workgroups: '1', label }] }],
  requires: {
    features: [],
    maxStorageBuffersPerShaderStage: 0,
    maxComputeInvocationsPerWorkgroup: 1,
    maxComputeWorkgroupStorageSize: 0,
    maxStorageBufferBindingSize: 0,
    subgroupSize: null,
  },
})
const strictly = { ignoreNames: false, lines: 6 }
const loosely = { ignoreNames: true, lines: 6 }

describe('canonicalWgsl', () => {
  it('does not see what declared names are, nor comments and blank lines', () => {
    const renamed = WGSL.replaceAll('store_y', 'put')
      .replaceAll('value', 'x')
      .replaceAll('v0', 'scaled')
      .replaceAll('rows', 'lines')
      .replace('// keeps', '')
    expect(renamed).not.toBe(WGSL)
    expect(canonicalWgsl(renamed)).toBe(canonicalWgsl(WGSL))
  })

  it.each([
    ['2.0', '3.0'],
    ['64', '32'],
    ['id.x)', 'id.y)'],
    ['f32(id', 'u32(id'],
    ['store_y(0u', 'store_y(1u'],
    ['read_write', 'read'],
  ])('sees that %s became %s', (from, to) => expect(canonicalWgsl(WGSL.replace(from, to))).not.toBe(canonicalWgsl(WGSL)))

  it('keeps names apart that were two', () =>
    expect(canonicalWgsl('let a = 1; let b = 2; let c = a;')).not.toBe(canonicalWgsl('let a = 1; let b = 2; let c = b;')))
})

describe('planDifferences', () => {
  it('finds none between equal plans', () => expect(planDifferences(planWith([WGSL]), planWith([WGSL]), strictly)).toEqual([]))

  it('shows the lines of a kernel that changed', () =>
    expect(planDifferences(planWith(['a', WGSL]), planWith(['a', WGSL.replace('2.0', '3.0')]), strictly)).toEqual([
      '  @ line 6',
      '  -   let v0 = 2.0 * f32(id.x);',
      '  +   let v0 = 3.0 * f32(id.x);',
    ]))

  it('tells a new kernel and one that is gone', () => {
    expect(planDifferences(planWith(['a']), planWith(['a', 'b']), strictly)).toEqual(['  a kernel is new', '  + b'])
    expect(planDifferences(planWith(['a', 'a']), planWith(['a']), strictly)).toEqual(['  a kernel is gone', '  - a'])
  })

  it('names the first place where plans with the same kernels differ', () =>
    expect(planDifferences(planWith(['a'], 'x'), planWith(['a'], 'z'), strictly)).toEqual(['  kernels.0.name: "x" -> "z"']))

  it('can leave names aside, and nothing else', () => {
    expect(planDifferences(planWith([WGSL], 'x'), planWith([WGSL.replaceAll('v0', 'v1')], 'z'), loosely)).toEqual([])
    const withOutput = (role?: OutputRole): Plan => ({
      ...planWith([WGSL]),
      outputs: [{ name: 'y', dtype: 'f32', shape: [], buffer: 0, doc: '', ...(role === undefined ? {} : { role }) }],
    })
    expect(planDifferences(withOutput(), withOutput({ kind: 'norm' }), loosely)).toEqual([])
    const moved = { ...planWith([WGSL]), programs: [{ ...planWith([WGSL]).programs[0], when: { dim: 'B', atMost: 8 } }] }
    expect(planDifferences(planWith([WGSL]), moved, loosely)).toEqual(['  programs.0.when: null -> {"dim":"B","atMost":8}'])
  })

  it('compares messages that stand in the place of a plan', () => {
    expect(planDifferences({ fails: 'a' }, { fails: 'a' }, loosely)).toEqual([])
    expect(planDifferences({ fails: 'a' }, { fails: 'b' }, loosely)).toEqual(['  fails: "a" -> "b"'])
  })
})

it('lineDifference cuts what is long', () =>
  expect(lineDifference('a\nb\nc\nd', 'a\nd', 1)).toEqual(['  @ line 2', '  - b', '  - ... 1 more']))

describe('replayOptions', () => {
  it('needs a base, and compares the working tree with it', () => {
    expect(replayOptions([])).toBeNull()
    expect(replayOptions(['--base', 'main'])).toEqual({ base: 'main', head: null, only: '', ignoreNames: false, lines: 6 })
  })
  it('refuses what it does not know', () => expect(() => replayOptions(['--bass', 'main'])).toThrow('--bass'))
})
