import { expect, test } from 'vitest'
import { loadCollapseWords, routerCollapseWords } from '../../../cli/routing/collapse.ts'
import { drawLayer, drawReport } from '../../../cli/routing/draw.ts'
import { collapse, randomRows, routerVerdict } from '../../../runtime/routing/collapse.ts'
import { loadCollapse } from '../../../runtime/routing/load-collapse.ts'
import { reportRoutes, type RouterCollapse } from '../../../runtime/routing/report.ts'
import { printReport, readReport } from '../../../runtime/routing/text.ts'
import { layerOf } from '../../runtime/routing/layers.ts'

const router = (pearson: number): RouterCollapse => {
  const [found, random] = [{ pearson, cosine: pearson }, randomRows(8, 32)]
  return { weight: 'moe.router.gate', ...found, random, verdict: routerVerdict(found, random) }
}

/** Twenty tokens that choose the same two of eight experts. */
const layer = { ...layerOf(8, new Array<readonly number[]>(20).fill([3, 5])), name: 'moe' }
const report = (pearson: number) =>
  reportRoutes({ layers: [layer] }, { model: 'tiny', adapter: 'no adapter', dims: {}, collapse: { moe: [router(pearson)] } })

test('a collapsed load and a collapsed router are told in words, each with its scale', () => {
  const text = drawReport(report(0.93), { columns: 120, hasColor: false })
  expect(text).toMatch(/ effective +router\n/)
  expect(text).toMatch(/ 2\.00 collapsed {2}0\.93 collapsed\n/)
  expect(text).toContain('effective: evenly busy experts of the same entropy; random choices give 7.39\n')
  expect(text).toContain('router: how alike the rows of its weight are, 0 to 1; random rows give 0.14\n')
  expect(text).toContain(
    'moe: the load has COLLAPSED onto few experts: the entropy is that of 2 evenly busy experts of 8, of 7.39 where choices are random; the busiest 2 take 100% of the slots; 6 of 8 experts dead\n',
  )
  expect(text).toContain(
    'moe: moe.router.gate: 0.93 by correlation (random 0.14), 0.93 by cosine (random 0.14): its rows have COLLAPSED: most are alike\n',
  )
  expect(drawReport(report(0.15), { columns: 120, hasColor: false })).not.toContain('moe.router.gate')
  expect(drawLayer(report(0.15).layers[0], { columns: 80, hasColor: false })).toContain(
    'moe.router.gate: 0.15 by correlation (random 0.14), 0.15 by cosine (random 0.14): its rows are as alike as random ones\n',
  )
})

test('is read as it was printed; a report of the version before gets what follows from its load', () => {
  const told = report(0.93)
  expect(readReport(printReport(told), 'a.json')).toEqual(told)
  const before = JSON.parse(printReport(told)) as {
    version: number
    layers: (Record<string, unknown> & { collapse: Record<string, unknown>[] })[]
  }
  before.version = 2
  for (const one of before.layers) {
    delete one.loadCollapse
    one.collapse = one.collapse.map(({ weight, pearson, cosine }) => ({ weight, pearson, cosine }))
  }
  const read = readReport(JSON.stringify(before), 'old.json')
  expect(read.layers[0].loadCollapse).toEqual(told.layers[0].loadCollapse)
  expect(read.layers[0].collapse).toEqual([{ ...router(0.93), random: null, verdict: 'unknown' }])
  expect(drawLayer(read.layers[0], { columns: 80, hasColor: false })).toContain(
    '0.93 by correlation, 0.93 by cosine: no scale is known for it\n',
  )
  expect(() => readReport(JSON.stringify({ ...before, version: 1 }), 'old.json')).toThrow(
    'old.json: is a routing report of version 1, versions 2 and 3 are read',
  )
  const wrong = JSON.parse(printReport(told)) as { layers: { loadCollapse: { effective: number } }[] }
  wrong.layers[0].loadCollapse.effective = 7
  expect(() => readReport(JSON.stringify(wrong), 'a.json')).toThrow('layer 0: loadCollapse is not that of the load')
})

test('words without a load, without dead experts, and with few tokens', () => {
  const words = (counts: readonly number[], tokens: number): string =>
    loadCollapseWords(
      loadCollapse({ counts, kept: counts.reduce((sum, count) => sum + count, 0), dropped: 0 }, tokens),
      counts.length,
      [],
    )
  expect(words([0, 0], 4)).toBe('no token is assigned to an expert')
  expect(words([20, 20], 40)).toMatch(
    /^the load is spread over the experts: .* 2 evenly busy experts of 2, of 1\.97 where choices are random; the busiest one takes 50% of the slots$/,
  )
  expect(words([3, 0], 3)).toMatch(/^nothing can be said of the load \(too few tokens, or no choice\): /)
  expect(
    routerCollapseWords({
      weight: 'w',
      ...collapse(Float64Array.of(1, 0, 0, 1), 2),
      random: randomRows(2, 2),
      verdict: 'unknown',
    }),
  ).toBe('1 by correlation (random 1), 0 by cosine (random 0.64): no scale is known for it')
})
