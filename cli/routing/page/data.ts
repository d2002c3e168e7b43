/** What the page is given. */
import type { RoutingReport } from '../../../runtime/routing/report.ts'

export interface PageData {
  /** One report, or two of the same layers. */
  readonly reports: readonly RoutingReport[]
  /** The names of their files. */
  readonly names: readonly string[]
}

/** Elements that the page begins with, by their ids. */
export const IDS = { data: 'data', root: 'report' } as const
