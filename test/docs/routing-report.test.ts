import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { reportRoutes } from '../../runtime/routing/report.ts'
import { layerOf } from '../runtime/routing/layers.ts'
import { place } from '../cli/harness.ts'

const text = readFileSync('docs/routing-report.md', 'utf8')
const checkpoint = join(process.cwd(), 'test/fixtures/checkpoints/mixtral')

test('what the page says a run prints is what it prints', async () => {
  const there = place()
  await there.smoe('import', checkpoint, '-o', 'mixtral.smoe')
  const { code, err } = await there.smoe(
    'run',
    'mixtral.smoe',
    '--weights',
    checkpoint,
    '--in',
    `tokens=${join(checkpoint, 'reference.safetensors')}:input_ids`,
    '--device',
    'reference',
    '--routing',
    'report.json',
  )
  expect(code, err).toBe(0)
  expect(text).toContain(`$ smoe routing report.json\n${(await there.smoe('routing', 'report.json')).out}\`\`\`\n`)
})

test('the page names every field', () => {
  const {
    layers: [layer],
    ...report
  } = reportRoutes({ layers: [layerOf(2, [[0]])] }, { model: '', adapter: '', dims: {} })
  const named = new Set([...text.matchAll(/`"?(\w+)"?[`"]/g)].map(([, name]) => name))
  expect([...Object.keys(report), ...Object.keys(layer)].filter((name) => !named.has(name))).toEqual([])
})
