/** The report as one page. */
import type { RoutingReport } from '../../runtime/routing/report.ts'
import { htmlPage } from '../page.ts'
import type { PageData } from './page/data.ts'

/** One report, or two of the same layers; `names` are those of their files. */
export const page = (reports: readonly RoutingReport[], names: readonly string[]): string =>
  htmlPage('routing', `Routing of ${reports.map(({ model }) => model).join(' and ')}`, { reports, names } satisfies PageData)
