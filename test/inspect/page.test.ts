/** The page of an inspection, in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { LayerInspection, LayerTokens } from '../../analysis/inspect/layer.ts'
import { similarityOf } from '../../analysis/inspect/similarity.ts'
import { inspectPage } from '../../cli/inspect/page.ts'
import { inspectText, type InspectReport } from '../../cli/inspect/report.ts'
import { randomRows } from '../../runtime/routing/collapse.ts'
import { browserPath, launch } from '../support/chromium.ts'

const tokens: LayerTokens = {
  tokens: 8,
  load: [5, 0, 3, 8],
  dropped: 0,
  cv: 0.7,
  maxVio: 1,
  entropy: 0.7,
  dead: [1],
  collapse: { effective: 2.6, random: 3.8, level: 0.6, busiest: { experts: 2, share: 0.8 }, verdict: 'uneven' },
  outputSimilarity: 0.25,
}

const layer = (path: string, isCompared: boolean): LayerInspection => ({
  layer: path,
  experts: 4,
  routers: [
    { weight: 'gate', pearson: 0.3, cosine: 0.3, random: randomRows(4, 8), verdict: 'as random', norms: [1, 1.1, 1.2, 1.3] },
  ],
  norms: [4, 4, 4.5, 4.9],
  similarity: similarityOf([0.9, 0.1, -0.1, 0, 0.2, 0.3], 4, 1000),
  spectra: [
    {
      weight: 'gate',
      expert: 0,
      rows: 8,
      columns: 16,
      top: [3, 2, 1],
      curve: [1, 0.6, 0.2],
      effectiveRank: 2.9,
      random: 7.5,
      verdict: 'collapsed',
    },
  ],
  tokens,
  difference: isCompared
    ? {
        experts: [0.1, 0, 0.2, 0.4],
        routers: [{ weight: 'gate', relative: 0.5, angles: [10, 0, null, 20] }],
        tokens,
        change: null,
      }
    : null,
})

const report: InspectReport = {
  model: 'mine',
  with: 'theirs',
  notes: ['layers.1.moe is <not> compared'],
  tokens: { count: 8, context: 4, adapter: 'cpu, 2 threads' },
  layers: [layer('layers.0.moe', true), layer('layers.1.moe', false)],
}

test('the table has a verdict beside each number, and a dash where a layer is not compared', () => {
  const text = inspectText(report)
  expect(text).toContain('0.300 as random')
  expect(text).toContain('4.00 to 4.90 even')
  expect(text).toContain('0.387 collapsed')
  expect(text).toMatch(/^layers\.0\.moe +17\.50 % +40\.00 % +50\.00 % +10\.0° +20\.0°$/m)
  expect(text).toMatch(/^layers\.1\.moe +- +- +- +- +-$/m)
})

test('the page asks for nothing, and no name becomes markup', () => {
  const page = inspectPage({ ...report, model: '</script><img src=x onerror=alert(1)>' })
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|\bsrc="|@import|\burl\((?!#)|\bfetch\(|import\(/)
  expect(page).not.toContain('<img')
})

const path = browserPath()

test.skipIf(path === null)('has a map, norms and spectra of each layer, loads and differences', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const browser = await launch(path ?? '')
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  const troubles: string[] = []
  page.on('pageerror', (error) => void troubles.push(error.message))
  const file = join(folder, 'page.html')
  writeFileSync(file, inspectPage(report))
  await page.goto(pathToFileURL(file).href)
  await page.waitForSelector('h1')
  expect(await page.locator('.about').textContent()).toBe(
    '2 routed layers, beside theirs; 8 tokens in windows of 4, on cpu, 2 threads.',
  )
  expect(await page.locator('figure').count()).toBe(5)
  expect(await page.locator('canvas.map').count()).toBe(2)
  expect(await page.locator('rect.bar').count()).toBe(8)
  expect(await page.locator('path').count()).toBe(2)
  expect(await page.locator('rect.cell').count()).toBe(2 * 4 + 4)
  expect(await page.locator('rect.dead').count()).toBe(2)
  expect(await page.locator('table').count()).toBe(4)
  expect(troubles).toEqual([])
})
