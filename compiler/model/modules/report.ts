/** The collector of diagnostics: one for each mistake, at the place that the user can change. */
import type { Code } from '../../../grammar/codes.ts'
import type { Diagnostic } from '../../../grammar/diagnostic.ts'
import { maximumDiagnostics, moreMistakes } from '../../../grammar/report.ts'
import type { Span } from '../../../grammar/source.ts'

/** The help or fix of a mistake; a function is called only if the mistake is shown. */
export type Help = string | null | (() => string | null)

/** A diagnostic before it is placed. */
export interface Problem {
  readonly code: Code
  readonly message: string
  readonly span: Span
  readonly severity?: Diagnostic['severity']
  readonly related?: Diagnostic['related']
  readonly help?: Help
  readonly fix?: Diagnostic['fix'] | (() => Diagnostic['fix'])
}

export interface Reporter {
  /** Inside a call the problem is shown at the outermost call, with the place it was found as related. */
  report(problem: Problem): void
  /** Attributes everything reported during `body` to this call. */
  during<T>(call: Span, callee: string, body: () => T): T
  /** Runs `body` outside of any call. */
  apart<T>(body: () => T): T
  readonly diagnostics: readonly Diagnostic[]
  /** The number of problems reported, shown or not. */
  readonly count: number
}

const keyOf = ({ source, start, end }: Span): string => `${source.path}:${start}-${end}`

/** The outermost call, if the problem is inside of a callee. */
function atCall(problem: Problem, calls: readonly { span: Span; callee: string }[]): Problem {
  const [outermost] = calls
  const innermost = calls.at(-1)!
  const inside = { span: problem.span, message: `found here, in ${innermost.callee}` }
  return {
    ...problem,
    message: `${outermost.callee}: ${problem.message}`,
    span: outermost.span,
    related: [inside, ...(problem.related ?? [])],
    fix: null,
  }
}

/** Exact quotients as people write them: a dim's key says floor. */
function plain(message: string): string {
  const next = message.replace(/floor\(([^(),]+), ([^(),]+)\)/g, (_, a: string, b: string) =>
    /[+*/ ]/.test(b) ? `${a} / (${b})` : `${a} / ${b}`,
  )
  return next === message ? message.replaceAll(' + -', ' - ') : plain(next)
}

/** Shows at most `wanted` diagnostics, and at least one: where there are more, the last one counts the others. */
export function createReporter(wanted = maximumDiagnostics): Reporter {
  const most = Math.max(1, wanted)
  const diagnostics: Diagnostic[] = []
  let hidden: Diagnostic | null = null
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
    if (diagnostics.length >= most) {
      hidden = moreMistakes(taken.size - diagnostics.length + 1, hidden?.span ?? diagnostics.at(-1)?.span ?? placed.span)
      return
    }
    const { code, message, span, severity = 'error', related = [], help = null, fix = null } = placed
    diagnostics.push({
      code,
      severity,
      message: plain(message),
      span,
      related,
      help: typeof help === 'function' ? help() : help,
      fix: typeof fix === 'function' ? fix() : fix,
    })
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
    get diagnostics() {
      return hidden === null ? diagnostics : [...diagnostics.slice(0, most - 1), hidden]
    },
    get count() {
      return count
    },
  }
}
