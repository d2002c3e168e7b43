// The end of `.ci/run`: seconds by stage, the slowest test files, and `N passed, N failed`:
// `node scripts/ci-summary.mjs TIMES SHORT LONG`. A line of TIMES is a stage's name, seconds and exit code; SHORT and LONG are
// the reports of the two runs of the tests.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const MOST_FILES = 10
const [timesFile, shortFile, longFile] = process.argv.slice(2)

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    console.error(`the tests left no report in ${file}`)
    return null
  }
}

/**
 * Passed, failed and skipped tests; a file that cannot be loaded holds no test to count, and is one that failed. The long run
 * takes tests by their tags: one without a tag is left to the short run, and is not skipped.
 */
function countsOf(run, { testResults, numPassedTests, numFailedTests }) {
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  )
  const skipped = testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ status, tags = [] }) => ['pending', 'skipped', 'todo'].includes(status) && (run === 'short' || tags.length > 0))
  return { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: skipped.length }
}

const row = (seconds, name) => console.log(`${String(Math.round(seconds)).padStart(6)} s  ${name}`)

const stages = readFileSync(timesFile, 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '))
console.log('== seconds by stage')
for (const [name, seconds] of stages) row(Number(seconds), name)

const all = { passed: 0, failed: 0, skipped: 0 }
for (const [run, file] of Object.entries({ short: shortFile, long: longFile })) {
  const report = readReport(file)
  if (report === null) continue
  const counts = countsOf(run, report)
  for (const name of Object.keys(all)) all[name] += counts[name]
  const files = report.testResults.map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
  const whole = files.reduce((sum, { seconds }) => sum + seconds, 0)
  console.log(`== the slowest of ${files.length} test files of the ${run} run, of ${Math.round(whole)} s together`)
  for (const { name, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, MOST_FILES))
    row(seconds, relative(process.cwd(), name))
}

// a failed stage counts where no test says so already
const failedStages = stages.filter(([, , code]) => code !== '0').length
const failed = Math.max(all.failed, failedStages, all.passed === 0 ? 1 : 0)
console.log(`${all.passed} passed, ${failed} failed${all.skipped > 0 ? `, ${all.skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0
