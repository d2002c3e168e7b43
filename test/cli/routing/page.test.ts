/** The page in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { page as pageOf } from '../../../cli/routing/page.ts'
import { balance } from '../../../runtime/routing/balance.ts'
import { randomRows, routerVerdict } from '../../../runtime/routing/collapse.ts'
import { load } from '../../../runtime/routing/load.ts'
import { reportRoutes, type RoutingReport } from '../../../runtime/routing/report.ts'
import { layerOf } from '../../runtime/routing/layers.ts'
import { browserPath, launch } from '../../support/chromium.ts'
import { madeUp } from './reports.ts'
import { IN_LONG_ALONE } from '../../support/runs.ts'

const path = browserPath()
if (path === null) console.log('the page of the routing report is not tested: no chromium here (apt-get install chromium)')

const { record, report: first } = madeUp({ layers: 3, experts: 8, tokens: 60, k: 2 }, 3)
const second = madeUp({ layers: 3, experts: 8, tokens: 60, k: 2 }, 4, { against: { name: 'first.safetensors', record } }).report

test('the page asks for nothing: no address, no import', () => {
  const text = pageOf([first], ['first.json'])
  expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|\bsrc=|@import|\burl\(|\bfetch\(|import\(/)
})

test('no name of a model or a layer becomes markup', () => {
  const nasty = '</script><img src=x onerror=alert(1)>'
  const text = pageOf(
    [{ ...first, model: nasty, adapter: nasty, layers: first.layers.map((layer, at) => ({ ...layer, name: nasty + at })) }],
    [nasty],
  )
  expect(text).not.toContain('<img')
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

  async function show(reports: readonly RoutingReport[], scheme: 'light' | 'dark' = 'light', width = 1280): Promise<Page> {
    const file = join(folder, 'page.html')
    writeFileSync(file, pageOf(reports, ['first.json', 'second.json'].slice(0, reports.length)))
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height: 800 } })
    page.on('console', (message) => void troubles.push(message.text()))
    page.on('pageerror', (error) => void troubles.push(error.message))
    page.on(
      'request',
      (request) => void (request.url().startsWith('file:') || request.url().startsWith('data:') || troubles.push(request.url())),
    )
    await page.goto(pathToFileURL(file).href)
    await page.waitForSelector('svg.load')
    return page
  }

  test('has a cell for each expert of each layer, and a cross for the dead', async () => {
    const page = await show([first])
    expect(await page.locator('h1').textContent()).toBe('Routing of made_up')
    expect(await page.locator('rect.cell').count()).toBe(24)
    expect(await page.locator('rect.cell.dead').count()).toBe(first.layers.reduce((sum, { dead }) => sum + dead.length, 0))
    await page.close()
  })

  test('tells the numbers under the pointer', async () => {
    const page = await show([first])
    const expert = first.layers[1].load.findIndex((count) => count > 1)
    await page.hover(`rect.cell[data-layer="1"][data-expert="${expert}"]`)
    const note = await page.locator('.tooltip').innerText()
    expect(note).toContain(`layer 1, expert ${expert}`)
    expect(note).toContain(`${first.layers[1].load[expert]} slots`)
    await page.hover('h1')
    expect(await page.locator('.tooltip').isVisible()).toBe(false)
    await page.close()
  })

  test('shows the layer that is clicked, with its co-activation', async () => {
    const page = await show([first])
    await page.click('rect.cell[data-layer="2"][data-expert="3"]')
    expect(await page.locator('.layer code').textContent()).toBe('layers.2/moe')
    expect(await page.locator('.name.chosen').textContent()).toBe('2')
    await page.hover('.matrix canvas', { position: { x: 60, y: 20 } })
    const [pairs, load] = [first.layers[2].pairs, first.layers[2].load]
    expect(await page.locator('.tooltip').innerText()).toContain(
      load[0] === 0
        ? 'is dead'
        : `of expert 0, ${((100 * pairs[0]) / load[0]).toFixed(pairs[0] > 0 && pairs[0] / load[0] < 0.0995 ? 1 : 0)}\u00a0% went to expert 1 too`,
    )
    await page.close()
  })

  test('is walked over by keys, and read aloud', async () => {
    const page = await show([first])
    await page.click('rect.cell[data-layer="0"][data-expert="0"]')
    await page.focus('svg.load')
    await page.keyboard.press('ArrowDown')
    expect(await page.locator('.layer code').textContent()).toBe('layers.1/moe')
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key)
    expect(await page.locator('[aria-live]').textContent()).toContain('layer 1, expert 0')
    await page.close()
  })

  test('has every number in tables', IN_LONG_ALONE, async () => {
    const page = await show([first])
    for (const summary of await page.locator('summary').all()) await summary.click()
    await page.locator('.tables table').nth(1).waitFor()
    const cells = await page.locator('.tables table').nth(1).locator('tbody td').allTextContents()
    expect(cells.map(Number)).toEqual(first.layers.flatMap(({ load }) => load))
    await page.close()
  })

  test('says whether loads are as balanced as is required', IN_LONG_ALONE, async () => {
    const within = { 'layers.0/moe': 5, 'layers.1/moe': 500 }
    const page = await show([
      reportRoutes(record, { model: 'made_up', adapter: 'no adapter', dims: {}, within, replayed: 'routes.safetensors' }),
    ])
    expect(await page.locator('.about').innerText()).toMatch(
      /routes replayed from routes\.safetensors\. .* 1 of 2 layers is NOT as balanced as the model requires\.$/,
    )
    expect(await page.locator('.head').allTextContents()).toContain('out of balance')
    const facts: string[] = []
    for (const layer of [0, 1, 2]) {
      await page.click(`.name >> nth=${layer}`)
      facts.push(`${await page.locator('.band').count()}: ${await page.locator('.facts').innerText()}`)
    }
    expect(facts[0]).toMatch(/^1: [\s\S]*required\s+NOT balanced within 5%: \d of 8 experts outside of/)
    expect(facts[1]).toMatch(/^1: [\s\S]*required\s+balanced within 500%: /)
    expect(facts[2]).toMatch(/^0: (?![\s\S]*required)/)
    await page.hover(`rect.cell[data-layer="0"][data-expert="${balance(load(record.layers[0]), 5).outside[0]}"]`)
    expect(await page.locator('.tooltip').innerText()).toContain('out of balance')
    await page.close()
  })

  test('says where loads and routers have collapsed, each with its scale', IN_LONG_ALONE, async () => {
    const [found, random] = [{ pearson: 0.9, cosine: 0.9 }, randomRows(8, 32)]
    const collapse = { 'b/moe': [{ weight: 'b.moe.router.gate', ...found, random, verdict: routerVerdict(found, random) }] }
    const layers = ['a/moe', 'b/moe'].map((name, at) => ({
      ...layerOf(
        8,
        Array.from({ length: 40 }, (_, token) => (at === 0 ? [token % 8, (token + 1) % 8] : [2, 5])),
      ),
      name,
    }))
    const page = await show([reportRoutes({ layers }, { model: 'made_up', adapter: 'no adapter', dims: {}, collapse })])
    expect(await page.locator('.about').innerText()).toMatch(
      / The load has COLLAPSED onto few experts in layer b\/moe\. The rows of the router have COLLAPSED, most are alike, in layer b\/moe\.$/,
    )
    expect(await page.locator('.head').allTextContents()).toContain('load collapse')
    const facts = await page.locator('.facts').innerText()
    expect(facts).toMatch(
      /collapse of the load\s+the load has COLLAPSED onto few experts: the entropy is that of 2 evenly busy experts of 8/,
    )
    expect(facts).toMatch(
      /collapse of router\.gate\s+0\.9 by correlation \(random 0\.14\), 0\.9 by cosine \(random 0\.14\): its rows have COLLAPSED/,
    )
    await page.close()
  })

  test('compares two reports', async () => {
    const page = await show([first, second])
    expect(await page.locator('button[aria-pressed="true"]').textContent()).toBe('B')
    const colours = async (): Promise<string> =>
      (await page.locator('rect.cell').evaluateAll((cells) => cells.map((cell) => cell.getAttribute('fill')))).join()
    const seen = new Set([await colours()])
    for (const view of ['0', 'difference']) {
      await page.click(`button[data-view="${view}"]`)
      seen.add(await colours())
    }
    expect(seen.size).toBe(3)
    expect(await page.locator('.head').allTextContents()).toContain('changed')
    await page.hover('rect.cell[data-layer="0"][data-expert="0"]')
    expect(await page.locator('.tooltip').innerText()).toMatch(/A: .*\nB: .*\nB − A: /)
    await page.close()
  })

  test('has something to say of no tokens, of one expert, and of layers unlike each other', IN_LONG_ALONE, async () => {
    const layers = [
      { ...layerOf(3, [], [], 2), name: 'early/moe' },
      { ...layerOf(1, [[0], [0]]), name: 'late/moe' },
    ]
    const page = await show([reportRoutes({ layers }, { model: 'odd', adapter: 'no adapter', dims: {} })])
    expect(await page.locator('rect.cell').count()).toBe(4)
    for (const layer of [0, 1]) await page.click(`.name >> nth=${layer}`)
    expect(await page.locator('.layer').innerText()).toContain('Each token has one expert')
    expect(await page.locator('main').innerText()).not.toMatch(/NaN|undefined|Infinity/)
    await page.close()
  })

  test('is drawn in the dark, on a phone and on paper', IN_LONG_ALONE, async () => {
    const sizes: number[] = []
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
    ] as const) {
      const page = await show([first, second], scheme, width)
      sizes.push((await page.screenshot({ fullPage: true })).length)
      // nothing but the figures scrolls sideways
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      if (scheme === 'dark') expect((await page.pdf()).length).toBeGreaterThan(10_000)
      await page.close()
    }
    expect(Math.min(...sizes)).toBeGreaterThan(20_000)
  })

  test('has room for 64 layers of 256 experts', IN_LONG_ALONE, async () => {
    const page = await show([madeUp({ layers: 64, experts: 256, tokens: 300, k: 8 }, 9).report])
    expect(await page.locator('rect.cell').count()).toBe(16_384)
    const [figure, frame] = [
      await page.locator('svg.load').boundingBox(),
      await page.locator('figure .scroll').first().boundingBox(),
    ]
    expect(figure?.width).toBeLessThanOrEqual(frame?.width ?? 0)
    await page.click('rect.cell[data-layer="63"][data-expert="255"]')
    expect(await page.locator('.layer code').textContent()).toBe('layers.63/moe')
    await page.close()
  })
})
