/** What is exported for transformers to load, and the logits that smoe computes for it. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { importFrom } from '../../cli/import/from.ts'
import { checkedModel } from '../../cli/import/weights.ts'
import { runCommandLine } from '../../cli/program.ts'
import { evaluateReference, readWeights } from '../../cli/run/reference.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'

const terminal = { ...processTerminal(), out: () => {}, err: () => {} }
const fixtures = 'test/fixtures'
export interface Case {
  readonly name: string
  /** What is exported. */
  readonly from: string
  /** The weights, where the folder has them in two layouts. */
  readonly weights?: string
  readonly options: readonly string[]
  /** What it is written by, as typed; absent for `export --to hf`. */
  readonly by?: readonly string[]
  /** Whether its logits are not those of what it is made of. */
  readonly isOther?: true
}

/** A checkpoint of the tests with quantised weights. */
const quantized = (from: string, to: string, ...options: readonly string[]): Case => ({
  name: [`${to}-${from.replaceAll('/', '-')}`, ...options].join(''),
  from: join(fixtures, from),
  by: ['quantize', '--to', to],
  isOther: true,
  options,
})

/** Every format, with rows of whole groups and others, experts one by one and in one tensor, and a head that is the embedding. */
const QUANTIZED: readonly Case[] = [
  quantized('checkpoints/mixtral', 'int4', '--group', '32'),
  quantized('checkpoints/olmoe', 'int8', '--zero-points', '--no-keep-router'),
  quantized('checkpoints/llama-tied', 'int4', '--search'),
  quantized('architectures/deepseek_v3', 'int4', '--zero-points'),
  quantized('architectures/granitemoe', 'int8'),
  quantized('codes/gpt_oss', 'mxfp4'),
  quantized('codes/olmoe_int4', 'mxfp4'),
  quantized('codes/olmoe_int4', 'fp8', '--only', 'experts'),
  quantized('architectures/gemma4_text', 'fp8'),
  quantized('checkpoints/mixtral', 'bf16'),
]

/** A dense checkpoint of the tests with experts, of which the logits stay what they were. */
const upcycled = (from: string, ...options: readonly string[]): Case => ({
  name: [`upcycle-${from.replaceAll('/', '-')}`, ...options].join(''),
  from: join(fixtures, from),
  by: ['upcycle'],
  options,
})

const UPCYCLED: readonly Case[] = [
  upcycled('checkpoints/llama', '--experts', '4', '--k', '2'),
  upcycled('checkpoints/llama', '--experts', '8', '--k', '4', '--granularity', '2'),
  upcycled('architectures/mistral', '--experts', '3', '--k', '1'),
  upcycled('architectures/qwen3', '--experts', '8', '--k', '4', '--granularity', '4'),
]

const foldersIn = (path: string): readonly string[] =>
  readdirSync(path).filter((name) => existsSync(join(path, name, 'config.json')))

/** Checkpoints in the layout of the hub, and in that of transformers 5. */
const casesOf = (path: string): readonly Case[] =>
  foldersIn(path).flatMap((name): readonly Case[] => {
    const from = join(path, name)
    const fused = join(from, 'fused.safetensors')
    return [
      { name, from, options: [] },
      { name: `${name}-f32`, from, options: ['--weights-as', 'f32'] },
      ...(existsSync(fused) ? [{ name: `${name}-fused`, from, weights: fused, options: [] }] : []),
    ]
  })

export const CASES: readonly Case[] = [
  ...casesOf(join(fixtures, 'architectures')).filter(({ name }) => !name.startsWith('nomic_bert')),
  ...casesOf(join(fixtures, 'checkpoints')),
  ...foldersIn(join(fixtures, 'codes')).flatMap((name): readonly Case[] => [
    { name: `codes-${name}-f32`, from: join(fixtures, 'codes', name), options: ['--weights-as', 'f32'] },
    { name: `codes-${name}`, from: join(fixtures, 'codes', name), options: [] },
  ]),
  ...readdirSync(join(fixtures, 'gguf'))
    .filter((name) => name.endsWith('.gguf') && name !== 'every-type.gguf')
    .map((name) => ({ name, from: join(fixtures, 'gguf', name), options: ['--weights-as', 'f32'] })),
  ...QUANTIZED,
  ...UPCYCLED,
]

/** Token ids that a checkpoint of this vocabulary takes. */
const tokens = (vocabulary: number): Int32Array => Int32Array.from({ length: 24 }, (_, at) => (at * 7 + 3) % vocabulary)

/** Logits of what was exported; of the folder itself where its weights are others. */
async function writeExpected({ isOther, ...given }: Case, folder: string): Promise<void> {
  const { from, weights } = isOther === true ? { from: join(folder, 'model'), weights: undefined } : given
  const { name, spec } = await importFrom(from, { weights }, terminal)
  const graph = lower(checkedModel(name, spec, terminal))
  const checkpoint = await openCheckpoint(weights ?? from)
  const all = await readWeights(graph, checkpoint)
  await checkpoint.close()
  const { shape } = all.embed
  const ids = { shape: [2, 12], data: tokens(shape[0]) }
  const { logits } = evaluateReference(graph, { tokens: ids }, all)
  const expected = { input_ids: ids, logits: { shape: logits.shape, data: Float32Array.from(logits.values) } }
  writeFileSync(join(folder, 'expected.safetensors'), encodeSafetensors(expected))
}

/** Writes `model/` and `expected.safetensors`. Throws an Error where it is not exported. */
export async function writeCase(one: Case, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const weights = one.weights === undefined ? [] : ['--weights', one.weights]
  const said: string[] = []
  const heard = { ...terminal, err: (text: string): void => void said.push(text) }
  const code = await runCommandLine(
    [...(one.by ?? ['export', '--to', 'hf']), one.from, ...weights, ...one.options, '-o', join(folder, 'model')],
    heard,
  )
  if (code !== 0) throw new Error(`${one.name} was not exported: ${said.join('')}`)
  await writeExpected(one, folder)
}
