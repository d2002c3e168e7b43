/** The table "what a change touches" of CONTRIBUTING, done: each change is made in memory by the edits it states, and works. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importWith, typeProblems, type Overlay } from '../support/overlay.ts'
import { root } from '../support/sources.ts'

/** A file that is added, or text put into one that is there, each piece behind a line of it. */
type Edit =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly insert: readonly { readonly behind: string; readonly text: string }[] }

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

function edited(edit: Edit): string {
  if ('text' in edit) return edit.text
  return edit.insert.reduce((text, { behind, text: more }) => {
    const at = text.indexOf(behind)
    if (at < 0) throw new Error(`${edit.file} has no line '${behind}'`)
    return text.slice(0, at + behind.length) + more + text.slice(at + behind.length)
  }, textOf(edit.file))
}

const overlayOf = (edits: readonly Edit[]): Overlay => new Map(edits.map((edit) => [edit.file, edited(edit)]))

/** The files that a row of the table names. */
function filesIn(row: string): readonly string[] {
  const [, cell] = new RegExp(`^\\| ${row} \\| (.*) \\|$`, 'm').exec(textOf('CONTRIBUTING.md')) ?? []
  if (cell === undefined) throw new Error(`CONTRIBUTING.md has no row '${row}'`)
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name).filter((name) => name.includes('/'))
}

interface Change {
  readonly row: string
  readonly edits: readonly Edit[]
  /** A program over the changed tree that ends in `export const ...`, and what it must export. */
  readonly program: string
  readonly gives: Readonly<Record<string, unknown>>
  /** What the type checker names where any one of the edits is left out. */
  readonly namesMissing?: string
}

const CHANGES: readonly Change[] = [
  {
    row: 'an elementwise op',
    edits: [
      {
        file: 'compiler/scalar/operations.ts',
        insert: [{ behind: 'export const UNARY = {\n', text: '  asinh: real(Math.asinh),\n' }],
      },
      {
        file: 'compiler/ops/elementwise.ts',
        insert: [
          {
            behind: 'const UNARY: { readonly [O in UnaryOpcode]: Row } = {\n',
            text: "  asinh: row(ulp(4), 'y = arsinh x', 'The inverse hyperbolic sine.', over(unary('sqrt', add(square(X), ONE)))),\n",
          },
        ],
      },
      {
        file: 'compiler/torch/builtins.ts',
        insert: [{ behind: 'export const TORCH = {\n', text: "  asinh: torchOf('asinh'),\n" }],
      },
      {
        file: 'compiler/wgsl/opcodes.ts',
        insert: [
          {
            behind: 'export const UNARY: { readonly [W in UnaryOpcode]: (x: string, type: ScalarType) => string } = {\n',
            text: '  asinh: (x) => `asinh(${x})`,\n',
          },
        ],
      },
    ],
    namesMissing: 'asinh',
    program: `import { graphOf, planOf } from './test/support/graph.ts'
import { evaluate } from './compiler/reference/evaluate.ts'
import { hostTensor } from './compiler/reference/tensor.ts'
import { PORTABLE } from './plan/target.ts'
const text = 'model m() {\\n  input x: f32[T]\\n  output y: f32[T] = asinh(x)\\n}\\n'
const graph = graphOf({ path: 'm.smoe', text })
const feeds = { inputs: { x: hostTensor([2], 'f32', Float64Array.of(0.5, -2)) }, weights: {} }
export const values = [...evaluate(graph, feeds).y.values]
export const isInKernel = JSON.stringify(planOf(graph, PORTABLE)).includes('asinh(')`,
    gives: { values: [Math.asinh(0.5), Math.asinh(-2)], isInKernel: true },
  },
  {
    row: 'a policy',
    edits: [
      {
        file: 'std/policies/planted.smoe',
        text: `/// The experts with the smallest scores.
policy planted(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let score = x @ gate.T
  select top k by -score
  weigh softmax(pick(score, selected))
}
`,
      },
    ],
    program: `import { std } from './cli/std.ts'
import { graphOf } from './test/support/graph.ts'
import { evaluate } from './compiler/reference/evaluate.ts'
import { feedsOf } from './test/support/random.ts'
const text = 'import { swiglu } from "std/experts/swiglu"\\nimport { planted } from "std/policies/planted"\\n' +
  'model m(D: int = 4) {\\n  input x: f32[T, D]\\n  output y = moe(x) {\\n    experts 3 of swiglu(F = 4)\\n    route planted(k = 1)\\n  }\\n}\\n'
const load = (path) => Object.hasOwn(std, path) ? { path: path + '.smoe', text: std[path] } : null
const graph = graphOf({ path: 'm.smoe', text }, { load })
const { y } = evaluate(graph, feedsOf(graph, { T: 3 }))
export const isListed = Object.hasOwn(std, 'std/policies/planted')
export const shape = y.shape
export const isFinite = y.values.every(Number.isFinite)`,
    gives: { isListed: true, shape: [3, 4], isFinite: true },
  },
  {
    row: 'a pass',
    edits: [
      {
        file: 'compiler/passes/planted.ts',
        text: `/** The sign of a sign is itself. */
import type { Graph } from '../graph/node.ts'
import { isOp } from '../graph/walk.ts'
import { rewrite, rule, type Fired, type Rule } from './rewrite.ts'

const rules: readonly Rule[] = [
  rule('sign-of-sign', 'sign', 'sign(sign(x))  ==>  sign(x)', ({ inputs: [x] }) => (isOp(x, 'sign') ? x : null)),
]

export const plantedPass = (graph: Graph, fired?: Fired): Graph => rewrite(graph, rules, fired)
`,
      },
      {
        file: 'compiler/passes/pipeline.ts',
        insert: [
          { behind: "import type { Graph } from '../graph/node.ts'\n", text: "import { plantedPass } from './planted.ts'\n" },
          {
            behind: 'export const earlyPasses: readonly Pass[] = [\n',
            text: "  { name: 'planted', why: 'before all others', run: (graph, _, fired) => plantedPass(graph, fired) },\n",
          },
        ],
      },
    ],
    program: `import { optimise, passes } from './compiler/passes/pipeline.ts'
import { parse } from './compiler/graph/parse.ts'
import { nodesOf } from './compiler/graph/walk.ts'
import { createBuilder } from './compiler/ops/build.ts'
const graph = parse('graph "g"\\ndim B\\n%0 = input name "x" : f32[B]\\n%1 = sign(%0) : f32[B]\\n%2 = sign(%1) : f32[B]\\noutput "y" = %2\\n', createBuilder().make)
export const isListed = passes.some(({ name }) => name === 'planted')
const { graph: after, trace } = optimise(graph, { variant: 'prefill', block: 4, tile: 4 })
export const fired = trace.find(({ pass }) => pass === 'planted').fired
export const signs = nodesOf(after).filter(({ op }) => op === 'sign').length`,
    gives: { isListed: true, fired: { 'sign-of-sign': 1 }, signs: 1 },
  },
  {
    row: 'an architecture to import',
    edits: [
      {
        file: 'cli/import/types/planted.ts',
        text: `/** The layers of Mixtral under other names. */
import { groupedQueries } from '../attention/grouped.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { routed } from '../experts/routed.ts'
import { QWEN_EXPERTS } from '../names/experts.ts'
import { topK } from '../routers/top-k.ts'

export const planted = decoderRow({
  type: 'planted',
  architecture: 'PlantedForCausalLM',
  doc: 'A decoder with experts in every layer.',
  defaults: { rope_theta: 10_000 },
  parts: {
    attention: groupedQueries({ norms: 'head' }),
    feedForward: routed({
      width: 'intermediate_size',
      names: QWEN_EXPERTS,
      router: topK({ gate: 'mlp.gate.weight', renormalise: true }),
    }),
  },
})
`,
      },
      {
        file: 'cli/import/table.ts',
        insert: [
          { behind: "import type { Row } from './row.ts'\n", text: "import { planted } from './types/planted.ts'\n" },
          { behind: 'export const ROWS: readonly Row[] = [\n', text: '  planted,\n' },
        ],
      },
    ],
    program: `import { importModel, supportedModelTypes } from './cli/import/import.ts'
import { graphOf } from './test/support/graph.ts'
const imported = importModel({
  model_type: 'planted', vocab_size: 9, hidden_size: 8, intermediate_size: 4, num_hidden_layers: 1, num_attention_heads: 2,
  num_experts: 3, num_experts_per_tok: 2, rms_norm_eps: 1e-6,
})
export const isListed = supportedModelTypes.includes('planted')
export const shape = graphOf({ path: 'planted.smoe', text: imported.spec }).outputs[0].node.shape.map(({ key }) => key)
export const name = imported.name`,
    gives: { isListed: true, shape: ['B', 'S', '9'], name: 'planted' },
  },
]

describe.each(CHANGES)('$row', ({ row, edits, program, gives, namesMissing }) => {
  test('touches the files that the table names, and no others', () => {
    const named = filesIn(row)
    for (const { file } of edits)
      expect(
        named.some((name) => file === name || file.startsWith(`${name}/`)),
        file,
      ).toBe(true)
    for (const name of named)
      expect(
        edits.some(({ file }) => file === name || file.startsWith(`${name}/`)),
        name,
      ).toBe(true)
  })

  const sources = edits.map(({ file }) => file).filter((file) => file.endsWith('.ts'))
  if (sources.length > 0) test('type checks', () => expect(typeProblems(overlayOf(edits), sources)).toEqual([]), 120_000)

  if (namesMissing !== undefined)
    test('is not complete without any one of them, and the type checker names it', () => {
      for (const left of edits) {
        const problems = typeProblems(overlayOf(edits.filter((edit) => edit !== left)), sources)
        expect(
          problems.some((problem) => problem.includes(`'${namesMissing}'`)),
          `${left.file}: ${problems.join('; ')}`,
        ).toBe(true)
      }
    }, 240_000)

  test('works', async () => expect({ ...(await importWith<object>(overlayOf(edits), program)) }).toEqual(gives), 60_000)
})
