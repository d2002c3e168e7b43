// The end of `.ci/run`: seconds by stage, the slowest test files, and `N passed, N failed`:
// `node scripts/ci-summary.mjs REPORT TIMES FAILED`.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const MOST_FILES = 15
const [reportFile, timesFile, failedSteps] = process.argv.slice(2)

function readReport() {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'))
  } catch {
    console.error('the tests left no report')
    return null
  }
}

/** Passed, failed and skipped tests; a file that cannot be loaded holds no test to count, and is one that failed. */
function countsOf(report) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

const report = readReport()
const row = (seconds, name) => console.log(`${String(Math.round(seconds)).padStart(6)} s  ${name}`)

console.log('== seconds by stage')
for (const line of readFileSync(timesFile, 'utf8').trim().split('\n')) {
  const [name, seconds] = line.split(' ')
  row(Number(seconds), name)
}

const { passed, failed, skipped } = report === null ? { passed: 0, failed: 0, skipped: 0 } : countsOf(report)
if (report !== null) {
  const files = report.testResults.map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
  const whole = files.reduce((sum, { seconds }) => sum + seconds, 0)
  console.log(`== the slowest of ${files.length} test files, of ${Math.round(whole)} s together`)
  for (const { name, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, MOST_FILES))
    row(seconds, relative(process.cwd(), name))
}

// a failed stage counts where no test says so already
const allFailed = Math.max(failed, Number(failedSteps), passed === 0 ? 1 : 0)
console.log(`${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = allFailed > 0 ? 1 : 0
