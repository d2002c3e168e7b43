/** The part of a document that a run writes: between two comments, that text is replaced. */
import type { Report } from '../results.ts'
import { reportFacts, reportTable } from './table.ts'

const BEGIN = '<!-- begin: npm run bench:peers -->'
const END = '<!-- end: npm run bench:peers -->'

/** Throws a RangeError where the document has no such place. */
export function withReport(document: string, report: Report): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (from < 0 || to < from) throw new RangeError(`the document lacks the lines '${BEGIN}' and '${END}'`)
  const block = ['```', ...reportFacts(report), '', reportTable(report).trimEnd(), '```'].join('\n')
  return `${document.slice(0, from + BEGIN.length)}\n\n${block}\n\n${document.slice(to)}`
}
