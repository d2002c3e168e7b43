import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { checkRooms } from '../../scripts/rooms.ts'

const house: Readonly<Record<string, string>> = {
  'plan/dim.ts': 'export const one = 1',
  'grammar/source.ts': 'export const start = 0',
  'compiler/graph/vocabulary.ts': 'export interface OpParams {\n  top_k: { readonly k: number }\n}',
  'compiler/ops/infer.ts': "import type { OpParams } from '../graph/vocabulary.ts'\nimport { one } from '../../plan/dim.ts'",
  'compiler/passes/fold.ts': "import { infer } from '../ops/infer.ts'\nconst op = 'top_k'",
  'runtime/session.ts': "import { one } from '../plan/dim.ts'",
  'cli/main.ts':
    "import { Command } from 'commander'\nimport { readFileSync } from 'node:fs'\nimport { one } from '../runtime/session.ts'",
  'std/policies/top_k.smoe': '/// Top-k.\npolicy top_k(k: int) { }',
  'std/policies/spectral.smoe': 'policy spectral(k: int) { }',
}

const roots: string[] = []

function build(planted: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'smoe-rooms-'))
  roots.push(root)
  for (const [file, text] of Object.entries({ ...house, ...planted })) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return root
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

test('the house is in order', () => {
  expect(checkRooms(process.cwd())).toEqual([])
})

test('a small house in order has no breach', () => {
  expect(checkRooms(build())).toEqual([])
})

const violations: readonly [string, Readonly<Record<string, string>>, RegExp][] = [
  [
    'an arrow upwards',
    { 'compiler/graph/print.ts': "import { infer } from '../ops/infer.ts'" },
    /compiler\/graph must not see compiler\/ops/,
  ],
  [
    'an arrow upwards for a type alone',
    { 'plan/plan.ts': "import type { Source } from '../grammar/source.ts'" },
    /plan must not see grammar/,
  ],
  [
    'an arrow sideways',
    { 'compiler/reference/run.ts': "import '../passes/fold.ts'" },
    /compiler\/reference must not see compiler\/passes/,
  ],
  [
    'the syntax tree read after the model',
    { 'grammar/ast.ts': 'export {}', 'compiler/lower/lower.ts': "import type {} from '../../grammar/ast.ts'" },
    /compiler\/lower must not read the syntax tree/,
  ],
  [
    'the runtime looking into the compiler',
    { 'runtime/memory.ts': "export * from '../compiler/ops/infer.ts'" },
    /runtime must not see compiler\/ops/,
  ],
  [
    'the training looking into the compiler',
    { 'training/loop.ts': "import '../compiler/ops/infer.ts'" },
    /training must not see compiler\/ops/,
  ],
  ['files read by the loop itself', { 'training/loop.ts': "import 'node:fs'" }, /node stays behind its fence/],
  ['the command line seen from below', { 'runtime/memory.ts': "import '../cli/main.ts'" }, /runtime must not see cli/],
  [
    'a dynamic import',
    { 'plan/plan.ts': "export const load = () => import('../runtime/session.ts')" },
    /plan must not see runtime/,
  ],
  ['tests seen from the house', { 'cli/load.ts': "import '../test/helper.ts'" }, /cli must not see test/],
  ['a file outside of every room', { 'compiler/stray.ts': 'export {}' }, /compiler\/stray.ts: stands in no room/],
  [
    'a cycle',
    { 'plan/a.ts': "import './b.ts'", 'plan/b.ts': "import type { A } from './a.ts'" },
    /import cycle: plan\/a.ts -> plan\/b.ts -> plan\/a.ts/,
  ],
  [
    'a library of the command line in the model',
    { 'compiler/model/check.ts': "import 'commander'" },
    /commander stays behind its fence \(cli\/\)/,
  ],
  ['webgpu outside of dawn', { 'runtime/device.ts': "import { create } from 'webgpu'" }, /webgpu stays behind its fence/],
  [
    'a node module in the compiler',
    { 'compiler/ops/read.ts': "import { readFileSync } from 'node:fs'" },
    /node stays behind its fence/,
  ],
  [
    'a node module without its prefix',
    { 'runtime/device.ts': "import { readFileSync } from 'fs'" },
    /node stays behind its fence/,
  ],
  [
    'a library that a thread is to load',
    { 'cli/load.ts': "const path = createRequire(import.meta.url).resolve('@huggingface/tokenizers')" },
    /@huggingface\/tokenizers stays behind its fence \(text\/tokenizer\/\)/,
  ],
  ['an unknown library', { 'cli/load.ts': "import 'left-pad'" }, /left-pad stays behind its fence \(nowhere\)/],
  [
    'a policy known by name',
    { 'compiler/passes/fuse.ts': "export const special = (name: string) => name === 'spectral'" },
    /knows the policy 'spectral' by name/,
  ],
  [
    'a table keyed by policies',
    { 'grammar/words.ts': 'export const words = { spectral: 1 }' },
    /knows the policy 'spectral' by name/,
  ],
]

for (const [name, planted, message] of violations) {
  test(`refuses ${name}`, () => {
    const problems = checkRooms(build(planted))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(message)
  })
}
