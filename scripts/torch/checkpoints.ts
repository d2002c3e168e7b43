/** Checkpoints of the tests as `smoe export --to torch` writes them, beside what smoe computes of them in f64. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { importFrom } from '../../cli/import/from.ts'
import { checkedModel } from '../../cli/import/weights.ts'
import { runCommandLine } from '../../cli/program.ts'
import { createRandom } from '../../cli/random.ts'
import { evaluateReference, readWeights } from '../../cli/run/reference.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { lower } from '../../compiler/lower/lower.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { evaluate as sizeOf } from '../../plan/dim.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { writeCase } from './truth.ts'

const terminal = { ...processTerminal(), out: () => {}, err: () => {} }

const folders = (path: string): readonly string[] =>
  readdirSync(path)
    .filter((name) => existsSync(join(path, name, 'config.json')))
    .map((name) => join(path, name))

/** Folders of checkpoints and GGUF files, codes of quantised weights among them. */
export const CHECKPOINTS: readonly string[] = [
  ...['checkpoints', 'architectures', 'codes'].flatMap((name) => folders(join('test/fixtures', name))),
  ...readdirSync('test/fixtures/gguf')
    .filter((name) => name.endsWith('.gguf') && name !== 'every-type.gguf')
    .map((name) => join('test/fixtures/gguf', name)),
]

/** Two sequences of five tokens; all are there but the last. */
function inputsOf({ inputs, dims }: Graph): Readonly<Record<string, FileData>> {
  const next = createRandom(5)
  const sizes = Object.fromEntries(dims.map(({ name }, at) => [name, at === 0 ? 2 : 5]))
  return Object.fromEntries(
    inputs.map(({ params: { name, dtype }, shape: dims }) => {
      const shape = dims.map((size) => sizeOf(size, sizes))
      const count = shape.reduce((all, size) => all * size, 1)
      const values = Array.from({ length: count }, (_, at) =>
        dtype === 'bool' ? Number(at < count - 1) : Math.floor(next() * 8),
      )
      return [name, { shape, data: Int32Array.from(values) }]
    }),
  )
}

/** Exports a checkpoint into a folder, and writes what its module should give. */
export async function writeCheckpoint(from: string, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  let said = ''
  const code = await runCommandLine(['export', '--to', 'torch', '--weights-as', 'f32', from, '-o', folder], {
    ...terminal,
    err: (text) => void (said += text),
  })
  if (code !== 0) throw new Error(`${from}: ${said}`)
  const { name, spec } = await importFrom(from, {}, terminal)
  const graph = lower(checkedModel(name, spec, terminal))
  const checkpoint = await openCheckpoint(from)
  try {
    const inputs = inputsOf(graph)
    writeCase(folder, { inputs, results: { inference: evaluateReference(graph, inputs, await readWeights(graph, checkpoint)) } })
  } finally {
    await checkpoint.close()
  }
}
