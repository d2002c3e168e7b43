/** The folder of a smaller checkpoint: its tensors, its config, and what a tokenizer needs. */
import { copyFileSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { copyTensors, type Copied } from '../../runtime/checkpoint/copy.ts'
import { parseJson, writeJson } from '../../runtime/checkpoint/json.ts'
import { SINGLE } from '../../runtime/checkpoint/shards.ts'
import { EXIT, Failure } from '../exit.ts'
import { writeWhole } from '../files.ts'
import type { Terminal } from '../terminal.ts'

/** What the number of experts is called in a config. */
const COUNTS = ['num_local_experts', 'num_experts', 'n_routed_experts']

/** The config of a model with fewer experts; the number is set where it stood. */
export function cutConfig(text: string, experts: number, kept: number): string {
  const config = parseJson(text) as Record<string, unknown>
  const changed = Object.entries(config).map(([name, value]) => [name, COUNTS.includes(name) && value === experts ? kept : value])
  return `${writeJson(Object.fromEntries(changed))}\n`
}

/** Files that go with a model whatever its experts are. */
const BESIDE = /^(generation_config|tokenizer|special_tokens|added_tokens|vocab|merges|chat_template)[\w.-]*$/

export interface Cut {
  readonly tensors: readonly Copied[]
  readonly experts: number
  readonly kept: number
}

/** Writes the folder. Throws a Failure where it is the checkpoint's own, or cannot be made. */
export async function writeDirectory(from: string, to: string, checkpoint: Checkpoint, { tensors, experts, kept }: Cut, terminal: Terminal): Promise<void> {
  const given = terminal.path(from)
  const [source, target] = [statSync(given).isDirectory() ? given : dirname(given), terminal.path(to)]
  if (source === target) throw new Failure(EXIT.usage, `'${to}' is the checkpoint itself`, 'the smaller one needs a folder of its own')
  try {
    mkdirSync(target, { recursive: true })
  } catch (problem) {
    throw new Failure(EXIT.usage, `cannot make the folder '${to}': ${(problem as Error).message}`)
  }
  await copyTensors(join(target, SINGLE), checkpoint, tensors)
  const names = readdirSync(source)
  for (const name of names.filter((one) => BESIDE.test(one))) copyFileSync(join(source, name), join(target, name))
  if (names.includes('config.json')) writeWhole(join(to, 'config.json'), cutConfig(readFileSync(join(source, 'config.json'), 'utf8'), experts, kept), terminal)
}
