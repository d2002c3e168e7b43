/** The outputs in pages about models are those of the commands above them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { place } from '../cli/harness.ts'
import { root } from '../support/sources.ts'

const PAGES = ['evaluation', 'generation', 'inspect']
const fixture = (name: string): Buffer => readFileSync(join(root, 'test/fixtures', name))

const model = (name: string): Readonly<Record<string, Buffer>> => ({
  [`${name}/config.json`]: fixture(`checkpoints/${name}/config.json`),
  [`${name}/model.safetensors`]: fixture(`checkpoints/${name}/model.safetensors`),
  [`${name}/tokenizer.json`]: fixture('tokenizers/tiny.json'),
})

/** A command, and what it prints, in one block. */
const blocks = PAGES.flatMap((page) =>
  [...readFileSync(join(root, `docs/${page}.md`), 'utf8').matchAll(/^```\n\$ smoe (.*)\n([^]*?)```$/gm)].map(
    ([, line, output]) => ({ line, output }),
  ),
)

/** Words of a command line; quotes hold one together. */
const wordsOf = (line: string): readonly string[] => (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''))

/** Rows whose bytes change with kernels and machines. */
const BYTES = /^(free memory|constants|packed copies, tables|scratch|runtime|in a run|while loading|peak)  .*$/gm

/** Numbers to four figures: the last ones change with the order of sums in a kernel. */
const comparable = (output: string): string =>
  output
    .replace(BYTES, '$1')
    .replaceAll(/\d+\.\d{3,}/g, (number) => Number(number).toPrecision(4))
    .trimEnd()

test('there are commands', () => {
  expect(blocks.map(({ line }) => line.split(' ')[0])).toEqual([
    'plan',
    'plan',
    'eval',
    'eval',
    'eval',
    'generate',
    'inspect',
    'inspect',
  ])
})

for (const { line, output } of blocks) {
  test(`smoe ${line}`, async () => {
    const one = place({ ...model('mixtral'), ...model('olmoe'), 'one.txt': fixture('eval/one.txt') })
    const { code, out, err } = await one.smoe(...wordsOf(line))
    expect(code, err).toBe(0)
    expect(comparable(output)).toBe(comparable(out))
  })
}
