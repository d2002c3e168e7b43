/** The page of an evaluation, in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { evalPage } from '../../../cli/eval/page.ts'
import type { EvalReport } from '../../../cli/eval/report.ts'
import { browserPath, launch } from '../../support/chromium.ts'

const layer = { experts: 4, k: 2, load: [5, 0, 3, 8], dropped: 0, cv: 0.7, maxVio: 1, change: { set: 0.25, top1: 0.5 } }

const report: EvalReport = {
  model: 'mine',
  to: 'theirs',
  adapter: 'cpu, 2 threads',
  context: 8,
  stride: 4,
  texts: [{ name: 'a <text>.txt', tokens: 9, bytes: 30 }],
  loss: 2,
  perplexity: Math.exp(2),
  accuracy: 0.5,
  windows: 2,
  allWindows: 2,
  scored: 8,
  bitsPerByte: 0.9,
  lossAt: [3, 2.5, null, 2, 2.2, 1.9, 1.5],
  layers: [
    { name: 'layers.0/moe', ...layer },
    { name: 'layers.1/moe', ...layer, change: null },
  ],
  other: { loss: 1, perplexity: Math.E, accuracy: 0.6, agreement: 0.75, divergence: 0.125 },
}

test('the page asks for nothing, and no name becomes markup', () => {
  const page = evalPage({ ...report, model: '</script><img src=x onerror=alert(1)>' })
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|\bsrc="|@import|\burl\((?!#)|\bfetch\(|import\(/)
  expect(page).not.toContain('<img')
})

const path = browserPath()

test.skipIf(path === null)('has the figures, the loss by position and the load of each expert', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const browser = await launch(path ?? '')
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  const troubles: string[] = []
  page.on('pageerror', (error) => void troubles.push(error.message))
  const file = join(folder, 'page.html')
  writeFileSync(file, evalPage(report))
  await page.goto(pathToFileURL(file).href)
  await page.waitForSelector('h1')
  expect(await page.locator('h1').textContent()).toBe('Evaluation of mine')
  expect(await page.locator('.about').textContent()).toBe(
    '8 predictions in windows of 8 tokens, 4 apart, with the earlier targets masked, on cpu, 2 threads: a <text>.txt (9 tokens, 30 bytes).',
  )
  expect(await page.locator('figcaption').allTextContents()).toEqual([
    'Loss by position in the window, nats a token',
    'Load of each expert, by layer',
  ])
  expect(await page.locator('rect.cell').count()).toBe(8)
  expect(await page.locator('rect.dead').count()).toBe(2)
  expect(await page.locator('table').count()).toBe(2)
  expect(await page.locator('tbody tr').first().textContent()).toBe('mine7.389062.000000.90000050.00 %')
  expect(troubles).toEqual([])
})
