/** The folder of a smaller checkpoint: its tensors, its config, and what a tokenizer needs. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { copiedPieces, type CopiedTensor } from '../../runtime/checkpoint/copy.ts'
import { editJson, parseJson } from '../../runtime/checkpoint/json.ts'
import { INDEX, SINGLE } from '../../runtime/checkpoint/shards.ts'
import { readRegularSync, textPieces, type FileSet, type Pieces } from '../../runtime/files/index.ts'
import { EXIT, Failure } from '../exit.ts'
import { besideIn, filePieces } from '../export/beside.ts'
import type { Terminal } from '../terminal.ts'

/** What the number of experts is called in a config. */
const COUNTS = ['num_local_experts', 'num_experts', 'n_routed_experts']

/** The config of a model with fewer experts; the number is set where it stood. */
export function cutConfig(text: string, experts: number, kept: number): string {
  const config = parseJson(text) as Record<string, unknown>
  const places = COUNTS.filter((name) => Object.hasOwn(config, name) && config[name] === experts)
  return `${editJson(
    text,
    places.map((name) => ({ path: [name], value: kept })),
  )}\n`
}

const CONFIG = 'config.json'
const LARGEST_CONFIG = 2 ** 26

export interface Cut {
  readonly tensors: readonly CopiedTensor[]
  readonly experts: number
  readonly kept: number
}

/** The folder that a checkpoint was read from. */
function sourceOf(from: string, terminal: Terminal): string {
  const given = terminal.path(from)
  return statSync(given).isDirectory() ? given : dirname(given)
}

/**
 * Checks before any computation. Throws a Failure if the folder is that of the input, or has files that would be read instead of
 * the output.
 */
export function checkDirectory(from: string, to: string, terminal: Terminal): void {
  const target = terminal.path(to)
  const isSame = existsSync(target) && sameFile(sourceOf(from, terminal), target)
  if (isSame) throw new Failure(EXIT.usage, `'${to}' is the checkpoint itself`, 'the smaller one needs a folder of its own')
  if (existsSync(join(target, INDEX)))
    throw new Failure(
      EXIT.usage,
      `'${to}' holds a checkpoint of several files (${INDEX})`,
      'the smaller one needs a folder of its own',
    )
}

function sameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}

/** The files of a source folder that go with a model, and its config. */
function besideOf(source: string): { readonly beside: readonly string[]; readonly config: readonly string[] } {
  return { beside: besideIn(source), config: readdirSync(source).filter((name) => name === CONFIG) }
}

/** The names of the files that `directoryFiles` writes. */
export function directoryNames(from: string, terminal: Terminal): readonly string[] {
  const { beside, config } = besideOf(sourceOf(from, terminal))
  return [SINGLE, ...beside, ...config]
}

/** The files of the folder. No existing file counts as one of an earlier output. */
export function directoryFiles(
  from: string,
  checkpoint: Checkpoint,
  { tensors, experts, kept }: Cut,
  terminal: Terminal,
): FileSet {
  const source = sourceOf(from, terminal)
  const { beside, config } = besideOf(source)
  const textOf = (name: string): string => readRegularSync(join(source, name), LARGEST_CONFIG).toString('utf8')
  const files: readonly (readonly [string, Pieces])[] = [
    [SINGLE, copiedPieces(checkpoint, tensors)],
    ...beside.map((name) => [name, filePieces(join(source, name))] as const),
    ...config.map((name) => [name, textPieces(cutConfig(textOf(name), experts, kept))] as const),
  ]
  return { files, ofEarlier: () => new Set() }
}
