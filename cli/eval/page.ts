/** An evaluation as one page. */
import { htmlPage } from '../page.ts'
import type { EvalReport } from './report.ts'

export const evalPage = (report: EvalReport): string => htmlPage('eval', `Evaluation of ${report.model}`, report)
