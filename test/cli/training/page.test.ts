/** The page in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { trainingPage } from '../../../cli/training/page.ts'
import { reportTraining, type TrainingReport } from '../../../training/record/report.ts'
import { browserPath, launch } from '../../support/chromium.ts'
import { madeUpRecords, madeUpRun } from './reports.ts'
import { IN_LONG_ALONE } from '../../support/runs.ts'

const path = browserPath()
if (path === null) console.log('the page of the training report is not tested: no chromium here (apt-get install chromium)')

const run = madeUpRun({ steps: 200, layers: 3, experts: 8, competitions: true, kernels: 18 })

test('the page asks for nothing: no address, no import', () => {
  expect(trainingPage(run).replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
    /https?:|\bsrc=|@import|\burl\((?!#)|\bfetch\(|import\(/,
  )
})

test('no name becomes markup', () => {
  const nasty = '</script><img src=x onerror=alert(1)>'
  const layers = run.routing.layers.map((layer) => ({ ...layer, layer: nasty }))
  expect(trainingPage({ ...run, model: nasty, adapter: nasty, routing: { ...run.routing, layers } })).not.toContain('<img')
})

describe.skipIf(path === null)('in Chromium', () => {
  let browser: Browser
  const folder = mkdtempSync(join(tmpdir(), 'smoe-page-'))
  const troubles: string[] = []

  beforeAll(async () => void (browser = await launch(path ?? '')))
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(() => expect(troubles.splice(0)).toEqual([]))

  async function show(report: TrainingReport, scheme: 'light' | 'dark' = 'light', width = 1280): Promise<Page> {
    const file = join(folder, 'page.html')
    writeFileSync(file, trainingPage(report))
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height: 800 } })
    page.on('console', (message) => void troubles.push(message.text()))
    page.on('pageerror', (error) => void troubles.push(error.message))
    page.on(
      'request',
      (request) => void (request.url().startsWith('file:') || request.url().startsWith('data:') || troubles.push(request.url())),
    )
    await page.goto(pathToFileURL(file).href)
    await page.waitForSelector('h1')
    return page
  }

  const titles = (page: Page): Promise<string[]> =>
    page.locator('figcaption').evaluateAll((captions) => captions.map((caption) => caption.firstChild?.textContent ?? ''))

  test('has a figure for each thing that was recorded', async () => {
    const page = await show(run)
    expect(await page.locator('h1').textContent()).toBe('Training of shakespeare')
    expect(await titles(page)).toEqual([
      'Loss',
      'cross entropy',
      'balance',
      'distil',
      'accuracy',
      'learning rate',
      'norm of the gradients',
      'tokens a second',
      'MaxVio',
      'CV of the load',
      'entropy of the load',
      'entropy of the weights',
      'experts that changed',
      'first experts that changed',
    ])
    expect(await page.locator('h2').allTextContents()).toEqual(['Load of the experts', 'Competitions', 'Time of a step'])
    expect(await page.locator('.strip canvas').count()).toBe(3)
    expect(await page.locator('.kernels tr').count()).toBe(16)
    await page.close()
  })

  test('what was told of a single step is a dot', async () => {
    const records = madeUpRecords({ steps: 8, layers: 1, experts: 4 }).map((record) =>
      record.kind === 'step' && record.step === 3 ? { ...record, losses: { ...record.losses, 'loss.distil': 0.1 } } : record,
    )
    const page = await show(reportTraining(records))
    const marks = await page.locator('svg.chart').evaluateAll((charts) =>
      charts.map((chart) => ({
        dots: [...chart.querySelectorAll('circle')].filter(
          (circle) => circle.getAttribute('visibility') !== 'hidden' && circle.closest('[visibility=hidden]') === null,
        ).length,
        lines: [...chart.querySelectorAll('path.line')].filter((path) => (path.getAttribute('d') ?? '').includes('L')).length,
        told:
          chart.querySelectorAll('path.line').length > 0 &&
          [...chart.querySelectorAll('path.line')].some((path) => path.getAttribute('d') !== ''),
      })),
    )
    expect(marks.filter(({ dots, lines, told }) => told && lines === 0 && dots === 0)).toEqual([])
    expect(marks.some(({ dots, lines }) => lines === 0 && dots > 0)).toBe(true)
    await page.close()
  })

  test('a pixel a piece and expert, dead ones in red', IN_LONG_ALONE, async () => {
    const page = await show(run)
    const pixels = await page
      .locator('.strip canvas')
      .nth(2)
      .evaluate((canvas: HTMLCanvasElement) => ({
        width: canvas.width,
        height: canvas.height,
        data: [...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data],
      }))
    const { load } = run.routing.layers[2]
    expect([pixels.width, pixels.height]).toEqual([load.length, 8])
    for (const [piece, counts] of load.entries())
      for (const [expert, count] of counts.entries()) {
        const at = 4 * (expert * load.length + piece)
        expect(pixels.data.slice(at, at + 3).join() === '194,53,43', `piece ${piece}, expert ${expert}`).toBe(count === 0)
      }
    await page.close()
  })

  test('tells the step under the pointer, in all figures at once', IN_LONG_ALONE, async () => {
    const page = await show(run)
    await page.hover('svg.chart >> nth=0', { position: { x: 600, y: 100 } })
    expect(await page.locator('.tooltip').innerText()).toMatch(/^step \d+\ntraining: \d\.\d{3}\nvalidation: \d\.\d{3}( at \d+)?$/)
    const shown = await page
      .locator('svg.chart line.guide')
      .evaluateAll((lines) => lines.filter((line) => getComputedStyle(line).visibility === 'visible').length)
    expect(shown).toBe(await page.locator('svg.chart').count())
    expect(await page.locator('.strip .at:not([hidden])').count()).toBe(3)
    await page
      .locator('.strip canvas')
      .nth(2)
      .hover({ position: { x: 900, y: 8 } })
    expect(await page.locator('.tooltip').innerText()).toMatch(/^step \d+\nexpert 0: \d+(\.\d)?\s%, \d\.\d\d × even$/)
    await page.hover('h1')
    expect(await page.locator('.tooltip').isVisible()).toBe(false)
    expect(await page.locator('.strip .at:not([hidden])').count()).toBe(0)
    await page.close()
  })

  test('says in words what is wrong with layers, and what to try', IN_LONG_ALONE, async () => {
    const page = await show(run)
    expect(await page.locator('.verdicts li').allInnerTexts()).toEqual([
      expect.stringMatching(/^layers\.2\/moe\s+Expert 7 of 8 DEAD: no token over the last 50 steps\.$/),
    ])
    expect(await page.locator('.verdicts p').allInnerTexts()).toEqual([
      expect.stringMatching(/^To try: require bias balanced at 0\.001 in the layer; /),
    ])
    await page.close()
    const well = await show(madeUpRun({ steps: 200, layers: 0, experts: 8 }))
    expect(await well.locator('.verdicts').count()).toBe(0)
    await well.close()
  })

  test('is walked over by keys, and read aloud', async () => {
    const page = await show(run)
    await page.focus('svg.chart >> nth=0')
    for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowRight']) await page.keyboard.press(key)
    expect(await page.locator('[aria-live]').textContent()).toMatch(/^step 199\. training: /)
    await page.focus('.strip >> nth=1')
    await page.keyboard.press('ArrowLeft')
    expect(await page.locator('[aria-live]').textContent()).toMatch(/^step 199\. busiest expert \d: .*least busy expert \d: /)
    await page.close()
  })

  test('has the numbers in tables', IN_LONG_ALONE, async () => {
    const page = await show(run)
    for (const summary of await page.locator('summary').all()) await summary.click()
    await page.locator('.tables table').nth(5).waitFor()
    const rows = page.locator('.tables table').nth(0).locator('tbody tr')
    expect(await rows.count()).toBe(run.curves.steps.length)
    const validated = await page.locator('.tables table').nth(1).locator('tbody tr td:nth-child(2)').allTextContents()
    expect(validated.map(Number)).toEqual(run.validations.loss.map((loss) => Number(loss.toPrecision(3))))
    const loads = await page.locator('.tables table').nth(2).locator('tbody tr td:last-child').allTextContents()
    expect(loads).toEqual(run.routing.layers[0].load.map((load) => load.join(' ')))
    expect(await page.locator('.tables table').count()).toBe(6)
    await page.close()
  })

  test('has something to say of runs with little to show', IN_LONG_ALONE, async () => {
    const records = madeUpRecords({ steps: 40, layers: 0, experts: 2 })
    const bare = records.filter(({ kind }) => kind !== 'validation')
    const runs = [
      records.slice(0, 1),
      bare,
      records.slice(0, 5),
      madeUpRecords({ steps: 1, layers: 1, experts: 1 }),
      madeUpRecords({ steps: 35, layers: 1, experts: 4, competitions: true }),
    ]
    for (const [at, each] of runs.entries()) {
      const page = await show(reportTraining(each))
      const text = await page.locator('main').innerText()
      expect(text, `run ${at}`).not.toMatch(/NaN|undefined|Infinity|null/)
      expect(await page.locator('svg.chart').count(), `run ${at}`).toBeGreaterThanOrEqual(at === 0 ? 0 : 4)
      expect(
        await page.evaluate(
          () =>
            [...document.querySelectorAll('path, circle, line, rect, text')].filter((each) => /NaN|Infinity/.test(each.outerHTML))
              .length,
        ),
      ).toBe(0)
      await page.close()
    }
  })

  test('is drawn in the dark, on a phone and on paper', IN_LONG_ALONE, async () => {
    const sizes: number[] = []
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
    ] as const) {
      const page = await show(run, scheme, width)
      sizes.push((await page.screenshot({ fullPage: true })).length)
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      if (scheme === 'dark') expect((await page.pdf()).length).toBeGreaterThan(10_000)
      await page.close()
    }
    expect(Math.min(...sizes)).toBeGreaterThan(50_000)
  })

  test('has room for 24 layers of 64 experts', IN_LONG_ALONE, async () => {
    const large = madeUpRun({ steps: 300, layers: 24, experts: 64, competitions: true })
    const page = await show(large)
    expect(await page.locator('.strip canvas').count()).toBe(24)
    expect(trainingPage(large).length).toBeLessThan(3_000_000)
    await page.close()
  })
})
