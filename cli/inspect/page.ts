/** An inspection as one page. */
import { htmlPage } from '../page.ts'
import type { InspectReport } from './report.ts'

export const inspectPage = (report: InspectReport): string => htmlPage('inspect', `Inspection of ${report.model}`, report)
