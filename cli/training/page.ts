/** The report of a run as one page. */
import type { TrainingReport } from '../../training/record/report.ts'
import { htmlPage } from '../page.ts'

export const trainingPage = (report: TrainingReport): string => htmlPage('training', `Training of ${report.model}`, report)
