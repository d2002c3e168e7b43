import { expect, test } from 'vitest'
import { bytes, milliseconds, plural, table } from '../../cli/output.ts'
import { createProgress, duration, estimate } from '../../cli/progress.ts'
import type { Terminal } from '../../cli/terminal.ts'

test('columns align and nothing trails', () => {
  expect(
    table(
      [
        ['name', 'ms'],
        ['a', '1.5'],
        ['longer', '12'],
      ],
      '<>',
    ),
  ).toBe('name     ms\na       1.5\nlonger   12\n')
  expect(
    table([
      ['a', ''],
      ['', 'b'],
    ]),
  ).toBe('a\n   b\n')
  expect(table([])).toBe('')
})

test('sizes and times have the figures that matter', () => {
  expect([0, 1, 1023, 1024, 1536, 150 * 2 ** 20].map(bytes)).toEqual(['0 B', '1 B', '1023 B', '1.0 KiB', '1.5 KiB', '150 MiB'])
  expect([0.1234, 1.234, 12.34, 123.4].map(milliseconds)).toEqual(['0.123', '1.23', '12.3', '123'])
  expect([5, 1500, 185_000].map(duration)).toEqual(['5.00 ms', '2 s', '3 min 05 s'])
})

test('counts have their word and their thousands apart', () => {
  expect([0, 1, 12, 1234, 1234567].map((count) => plural(count, 'kernel'))).toEqual([
    '0 kernels',
    '1 kernel',
    '12 kernels',
    '1,234 kernels',
    '1,234,567 kernels',
  ])
  expect(plural(2, 'file is', 'files are')).toBe('2 files are')
})

test('what is left is said when something is known', () => {
  expect(estimate(50, 1, 2)).toBe('')
  expect(estimate(5000, 0, 2)).toBe('')
  expect(estimate(5000, 1, 2)).toBe('5 s left')
  expect(estimate(5000, 2, 2)).toBe('')
})

test('progress is drawn on a live terminal alone, not too often, and fits its width', () => {
  let [text, time] = ['', 0]
  const terminal = { errIsLive: true, columns: 60, err: (words: string) => void (text += words) } as unknown as Terminal
  const progress = createProgress(terminal, 'weights', 100, () => time)
  progress.update(1)
  progress.update(2)
  time = 1000
  progress.update(50, 'of a long note that does not fit on the line at all')
  progress.end()
  const lines = text.split('\r').filter((line) => line.replace('\x1b[2K', '') !== '')
  expect(lines).toHaveLength(2)
  expect(lines[1]).toMatch(/weights {2}█{12}░{12} {2}50 % {2}1 s left/)
  expect(Math.max(...lines.map((line) => line.replace('\x1b[2K', '').length))).toBeLessThan(60)
  text = ''
  createProgress({ ...terminal, errIsLive: false }, 'weights', 100).update(50)
  expect(text).toBe('')
})
