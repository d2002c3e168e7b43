/** Collapse in words: of loads, and of the weights of routers, beside what chance gives. */
import type { RouterCollapse } from '../../runtime/routing/report.ts'
import type { LoadCollapse, LoadVerdict } from '../../runtime/routing/load-collapse.ts'
import type { RouterVerdict } from '../../runtime/routing/collapse.ts'
import { short } from './balance.ts'

const LOAD: { readonly [V in LoadVerdict]: string } = {
  spread: 'the load is spread over the experts',
  uneven: 'the load is uneven',
  collapsed: 'the load has COLLAPSED onto few experts',
  unknown: 'nothing can be said of the load',
}

const ROUTER: { readonly [V in RouterVerdict]: string } = {
  apart: 'its rows lie further apart than random ones',
  'as random': 'its rows are as alike as random ones',
  alike: 'its rows are more alike than random ones',
  collapsed: 'its rows have COLLAPSED: most are alike',
  unknown: 'no scale is known for it',
}

/** `the load is uneven: the entropy is that of 4.12 evenly busy experts of 8, ...; the busiest 2 take 61% of the slots` */
export function loadCollapseWords(
  { verdict, effective, random, busiest }: LoadCollapse,
  experts: number,
  dead: readonly number[],
): string {
  if (effective === null || random === null || busiest === null) return 'no token is assigned to an expert'
  const { experts: few, share } = busiest
  const most =
    few === experts ? '' : `; the busiest ${few === 1 ? 'one takes' : `${few} take`} ${Math.round(100 * share)}% of the slots`
  const idle = dead.length === 0 ? '' : `; ${dead.length} of ${experts} experts dead`
  const why = verdict === 'unknown' ? ' (too few tokens, or no choice)' : ''
  return `${LOAD[verdict]}${why}: the entropy is that of ${short(effective)} evenly busy experts of ${experts}, of ${short(random)} where choices are random${most}${idle}`
}

/** `0.91 by correlation (random 0.14), 0.9 by cosine (random 0.14): its rows have COLLAPSED: most are alike` */
export function routerCollapseWords({ pearson, cosine, random, verdict }: RouterCollapse): string {
  const part = (value: number | null, by: string, chance: number | undefined): string =>
    `${value === null ? '-' : short(value)} by ${by}${chance === undefined ? '' : ` (random ${short(chance)})`}`
  return `${part(pearson, 'correlation', random?.pearson.mean)}, ${part(cosine, 'cosine', random?.cosine.mean)}: ${ROUTER[verdict]}`
}
