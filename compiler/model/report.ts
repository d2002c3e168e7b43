/** Where the checker puts its diagnostics: one for each mistake, at the place that can be changed. */
import type { Code } from '../../grammar/codes.ts'
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import type { Span } from '../../grammar/source.ts'

/** A diagnostic before it is placed. */
export interface Problem {
  readonly code: Code
  readonly message: string
  readonly span: Span
  readonly severity?: Diagnostic['severity']
  readonly related?: Diagnostic['related']
  readonly help?: string | null
  readonly fix?: Diagnostic['fix']
}

export interface Reporter {
  /** Inside a call the problem is shown at the outermost call, with the place it was found as related. */
  report(problem: Problem): void
  /** Everything reported during `body` came of this call. */
  during<T>(call: Span, callee: string, body: () => T): T
  /** Runs `body` as though no call were open. */
  apart<T>(body: () => T): T
  readonly diagnostics: readonly Diagnostic[]
  /** How many problems were met, shown or not. */
  readonly count: number
}

const keyOf = ({ source, start, end }: Span): string => `${source.path}:${start}-${end}`

/** The place a person can change, where the problem lies inside something that was called. */
function atCall(problem: Problem, calls: readonly { span: Span; callee: string }[]): Problem {
  const [outermost] = calls
  const innermost = calls.at(-1)!
  const inside = { span: problem.span, message: `found here, in ${innermost.callee}` }
  return { ...problem, message: `${outermost.callee}: ${problem.message}`, span: outermost.span, related: [inside, ...(problem.related ?? [])], fix: null }
}

/** Exact quotients as people write them: a dim's key says floor. */
function plain(message: string): string {
  const next = message.replace(/floor\(([^(),]+), ([^(),]+)\)/g, (_, a: string, b: string) => (/[+*/ ]/.test(b) ? `${a} / (${b})` : `${a} / ${b}`))
  return next === message ? message.replaceAll(' + -', ' - ') : plain(next)
}

export function createReporter(): Reporter {
  const diagnostics: Diagnostic[] = []
  const taken = new Set<string>()
  let calls: readonly { span: Span; callee: string }[] = []
  let count = 0

  const report = (problem: Problem): void => {
    count++
    if (taken.has(keyOf(problem.span))) return
    const placed = calls.length === 0 ? problem : atCall(problem, calls)
    const key = keyOf(placed.span)
    if (taken.has(key)) return
    taken.add(key)
    const { code, message, span, severity = 'error', related = [], help = null, fix = null } = placed
    diagnostics.push({ code, severity, message: plain(message), span, related, help, fix })
  }
  const within = <T>(next: typeof calls, body: () => T): T => {
    const before = calls
    calls = next
    try {
      return body()
    } finally {
      calls = before
    }
  }
  return {
    report,
    during: (span, callee, body) => within([...calls, { span, callee }], body),
    apart: (body) => within([], body),
    diagnostics,
    get count() {
      return count
    },
  }
}
