import { expect, test } from 'vitest'
import { runWords, timeRuns } from '../../cli/run/timed.ts'
import { compileProgress, openSession } from '../../cli/session.ts'
import type { Terminal } from '../../cli/terminal.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { openDevice } from '../../runtime/index.ts'
import { addPlan } from '../runtime/plans.ts'

function screen(errIsLive: boolean): { readonly terminal: Terminal; readonly lines: () => readonly string[] } {
  let text = ''
  const terminal = { errIsLive, columns: 100, err: (words: string) => void (text += words) } as unknown as Terminal
  return { terminal, lines: () => text.split('\r\x1b[2K').slice(1) }
}

test('kernels are counted while they compile, and the line is cleared', () => {
  const { terminal, lines } = screen(true)
  let time = 0
  const onCompile = compileProgress(terminal, () => time)
  for (const compiled of [0, 1, 12, 34]) {
    onCompile(compiled, 34)
    time += 1000
  }
  onCompile(0, 1)
  onCompile(1, 1)
  expect(lines().map((line) => line.replaceAll(/[█░]+ {2}/g, ''))).toEqual([
    'compiling 0 of 34 kernels  0 %',
    'compiling 1 of 34 kernels  2 %  33 s left',
    'compiling 12 of 34 kernels  35 %  4 s left',
    'compiling 34 of 34 kernels  100 %',
    '',
    'compiling 0 of 1 kernel  0 %',
    'compiling 1 of 1 kernel  100 %',
    '',
  ])
})

test('a session counts each of its kernels, and a screen that is no terminal stays empty', async () => {
  const device = await openDevice(createNullAdapter().adapter)
  const [live, still] = [screen(true), screen(false)]
  for (const { terminal } of [live, still]) (await openSession(device, addPlan(), terminal)).dispose()
  expect(live.lines()).toEqual([
    expect.stringContaining('compiling 0 of 2 kernels'),
    expect.stringContaining('compiling 2 of 2 kernels'),
    '',
  ])
  expect(still.lines()).toEqual([])
})

test('no line is left where a kernel does not compile', async () => {
  const fake = createNullAdapter()
  const { terminal, lines } = screen(true)
  const device = await openDevice(fake.adapter)
  fake.failNext('validation', 'no such thing')
  await expect(openSession(device, addPlan(), terminal)).rejects.toThrow('no such thing')
  expect(lines().at(-1) ?? '').toBe('')
})

test('a short run is timed twice, a long one once, which is said', async () => {
  const timed = async (...took: readonly number[]) => {
    let [time, runs] = [0, 0]
    return timeRuns(
      async () => {
        time += took[runs]
        return ++runs
      },
      () => time,
    )
  }
  expect(await timed(300, 20)).toEqual({ value: 2, runs: [300, 20] })
  expect(await timed(2000, 1900)).toEqual({ value: 2, runs: [2000, 1900] })
  expect(await timed(2001)).toEqual({ value: 1, runs: [2001] })
  expect(runWords([300, 20])).toBe('run in 20.0 ms (300 ms the first time)')
  expect(runWords([2001])).toBe('run in 2001 ms, the first time: a driver may have compiled kernels in it')
})
