/** What training throws because of what the user gave, as the failure of a command. */
import { TrainingLimitError } from '../../compiler/train.ts'
import { FileError, showPath } from '../../runtime/errors.ts'
import { reasonOf } from '../../runtime/files/index.ts'
import type { Precision } from '../../plan/recipe.ts'
import { DataError, DivergedError, FitError, ResumeError } from '../../training/errors.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import { divergedHelp } from './diverged.ts'

const isFromFiles = (problem: unknown): problem is NodeJS.ErrnoException =>
  problem instanceof Error && 'syscall' in problem && 'code' in problem

const SAVED = 'files that were saved before are unchanged'

/** A Failure, or the problem itself where it is a fault of ours. Shows diagnostics of a limit on stderr. */
export function asFailure(problem: unknown, { precision }: { readonly precision: Precision }, terminal: Terminal): unknown {
  if (problem instanceof TrainingLimitError) {
    refuseErrors(problem.diagnostics, terminal)
    return new Failure(EXIT.noAdapter, problem.message)
  }
  if (problem instanceof DivergedError) return new Failure(EXIT.numbersDiffer, problem.message, divergedHelp(problem, precision))
  if (problem instanceof ResumeError) return new Failure(EXIT.badCheckpoint, problem.message)
  if (problem instanceof DataError || problem instanceof FitError) return new Failure(EXIT.usage, problem.message)
  if (problem instanceof FileError) return new Failure(EXIT.usage, problem.message, SAVED)
  if (isFromFiles(problem))
    return new Failure(
      EXIT.usage,
      `${problem.path === undefined ? 'a file of the run' : `'${showPath(problem.path)}'`} cannot be written: ${reasonOf(problem)}`,
      SAVED,
    )
  return problem
}
