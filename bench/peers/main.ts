/** `npm run bench:peers`: one layer on smoe and on other libraries, checked, then timed in turns. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processTerminal } from '../../cli/terminal.ts'
import { installPeers } from './install.ts'
import { loadNow, machineOf } from './machine.ts'
import { makeProblem } from './make-problem.ts'
import { measure } from './measure.ts'
import { peersOptions, USAGE, type PeersOptions } from './options.ts'
import { writeProblem } from './problem.ts'
import { reportChart } from './report/chart.ts'
import { withReport } from './report/document.ts'
import { reportFacts, reportTable } from './report/table.ts'
import type { Outcome, Report, Result } from './results.ts'
import { startRunner, type RunnerProcess } from './runner-process.ts'
import { serve } from './serve.ts'

const say = (text: string): void => void process.stderr.write(text)

const resultOf = ({ candidate: { name, label }, opened }: RunnerProcess, outcomes: readonly Outcome[]): Result => ({
  name,
  label,
  version: opened.kind === 'ready' ? opened.version : null,
  detail: opened.kind === 'ready' ? opened.detail : null,
  outcomes,
})

/** Opens all, measures all sizes, ends all. */
async function measureAll(options: PeersOptions, folder: string): Promise<readonly Result[]> {
  say('the reference computes what is right\n')
  const problem = await makeProblem(options.size, options.tokens, processTerminal())
  writeProblem(folder, problem)
  const runners: RunnerProcess[] = []
  try {
    for (const candidate of options.candidates) {
      say(`opening ${candidate.label}\n`)
      runners.push(await startRunner(candidate, { folder, python: options.python }))
    }
    const bySize: (readonly Outcome[])[] = []
    for (const tokens of options.tokens) {
      say(`measuring T = ${tokens}\n`)
      bySize.push(await measure(runners, tokens, problem.expected.get(tokens)!, { folder, ...options }))
    }
    return runners.map((runner, place) =>
      resultOf(
        runner,
        bySize.map((outcomes) => outcomes[place]),
      ),
    )
  } finally {
    for (const runner of runners) await runner.end()
  }
}

function writeReport(report: Report, { out, document }: PeersOptions): void {
  const text = `${reportFacts(report).join('\n')}\n\n${reportTable(report)}`
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(join(out, 'table.txt'), text)
  writeFileSync(join(out, 'chart.svg'), reportChart(report))
  if (document !== null) writeFileSync(document, withReport(readFileSync(document, 'utf8'), report))
  process.stdout.write(text)
}

async function bench(args: readonly string[]): Promise<void> {
  const options = peersOptions(args)
  if (options.installs) installPeers(say)
  const before = loadNow()
  const folder = mkdtempSync(join(tmpdir(), 'smoe-peers-'))
  try {
    const results = await measureAll(options, folder)
    const { size, tokens } = options
    const command = ['npm run bench:peers', ...(args.length === 0 ? [] : ['--', ...args])].join(' ')
    const date = new Date().toISOString().slice(0, 10)
    writeReport({ date, command, machine: machineOf(before, loadNow()), size, tokens, results }, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const [first, ...rest] = process.argv.slice(2)
if (first === '--serve') await serve(rest[0], rest[1])
else if (first === '--help') process.stdout.write(`${USAGE}\n`)
else await bench(process.argv.slice(2))
