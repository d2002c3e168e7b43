import { expect, test } from 'vitest'
import { reportChart } from '../../../../bench/peers/report/chart.ts'
import { withReport } from '../../../../bench/peers/report/document.ts'
import { reportTable } from '../../../../bench/peers/report/table.ts'
import type { Report } from '../../../../bench/peers/results.ts'

const timed = (best: number, median: number) => ({ kind: 'timed', error: 2e-6, runs: 9, best, median, gflops: 1 }) as const
const absent = { kind: 'absent', reason: 'there is none here' } as const

const REPORT: Report = {
  date: '2030-01-02',
  command: 'npm run bench:peers',
  machine: { processor: 'A & B', cores: 2, memory: 8, system: 'Linux 6', node: '20.20.0', load: [0.25, 1.5] },
  size: { experts: 8, k: 2, width: 512, hidden: 1024 },
  tokens: [256, 1],
  results: [
    { name: 'smoe-cpu', label: 'smoe <cpu>', version: '0.1.0', detail: '', outcomes: [timed(12.34, 15), timed(0.25, 0.5)] },
    { name: 'other', label: 'another', version: '2.0.0', detail: '', outcomes: [{ kind: 'wrong', error: 0.5 }, timed(1, 2)] },
    { name: 'torch', label: 'torch', version: null, detail: null, outcomes: [absent, absent] },
  ],
}

test('the table has a line for each candidate, and each reason once', () => {
  expect(reportTable(REPORT)).toBe(`SwiGLU mixture of experts, f32, E=8 k=2 d=512 ff=1024

            version  T=256, ms  median  T=1, ms  median  error
smoe <cpu>  0.1.0         12.3    15.0    0.250   0.500   2e-6
another     2.0.0        wrong             1.00    2.00   5e-1
torch                   absent           absent

torch: absent: there is none here
`)
})

test('the chart has what was timed, and no text that is markup', () => {
  const chart = reportChart(REPORT)
  expect(chart).toContain('smoe &lt;cpu&gt;')
  expect(chart.match(/<circle/g)).toHaveLength(3)
  expect(chart).not.toContain('NaN')
  expect(chart).not.toContain('torch')
})

test('a chart of nothing has no panel', () => {
  expect(reportChart({ ...REPORT, results: REPORT.results.slice(2) })).not.toContain('NaN')
})

test('a document keeps everything but what stands between the comments', () => {
  const [begin, end] = ['<!-- begin: npm run bench:peers -->', '<!-- end: npm run bench:peers -->']
  const once = withReport(`before\n${begin}\nold\n${end}\nafter\n`, REPORT)
  expect(once.startsWith(`before\n${begin}\n\n\`\`\`\nmachine: A & B, 2 cores`)).toBe(true)
  expect(once.endsWith(`\`\`\`\n\n${end}\nafter\n`)).toBe(true)
  expect(once).not.toContain('old')
  expect(withReport(once, REPORT)).toBe(once)
  expect(() => withReport('nothing', REPORT)).toThrow(RangeError)
})
