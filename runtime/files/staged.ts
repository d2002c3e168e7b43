/** Outputs that appear together: each is written as a draft, then all drafts are renamed. */
import { FileError } from '../errors.ts'
import { removeMade } from './directories.ts'
import { discard, keepWatch } from './signal.ts'

export interface Staged {
  /** The final path with links resolved: outputs of one command must have different paths. */
  readonly place: string
  readonly typed: string
  /** Writes a stream, which cannot be renamed into place. Streams come first, since they cannot be undone. */
  readonly write: () => Promise<void>
  /** Renames synchronously, so that no signal handler runs in between. The last output of a command need not be undoable. */
  readonly put: (isLast: boolean) => Put
  /** Removes the draft. */
  readonly discard: () => void
}

export interface Put {
  readonly undo: () => void
  /** After all renames: syncs the directory and removes replaced files. */
  readonly finish: () => void
}

interface Draft {
  readonly path: string
  /** Directories that were created for it, the outermost first. */
  readonly made: readonly string[]
  readonly fill: () => Promise<void>
  readonly put: (isLast: boolean) => Put
}

/** Fills a draft. If that fails, or the draft is discarded, the draft and the directories created for it are removed. */
export async function stageDraft(place: string, typed: string, draft: Draft): Promise<Staged> {
  let isPut = false
  const remove = (): void => {
    if (isPut) return
    discard(draft.path)
    removeMade(draft.made)
  }
  const put = (isLast: boolean): Put => {
    const { undo, finish } = draft.put(isLast)
    isPut = true
    return {
      finish,
      undo: () => {
        undo()
        removeMade(draft.made)
      },
    }
  }
  try {
    keepWatch(draft.path)
    await draft.fill()
    return { place, typed, write: async () => {}, put, discard: remove }
  } catch (error) {
    remove()
    throw error
  }
}

function demandDifferent(all: readonly Staged[]): void {
  for (const [at, { place, typed }] of all.entries()) {
    const other = all.slice(0, at).find((earlier) => earlier.place === place)
    if (other !== undefined)
      throw new FileError(
        typed,
        other.typed === typed ? 'is given twice as an output' : `is the same file as ${other.typed}: both would be written to it`,
      )
  }
}

function putAll(all: readonly Staged[]): readonly Put[] {
  const done: Put[] = []
  try {
    for (const [at, staged] of all.entries()) done.push(staged.put(at === all.length - 1))
    return done
  } catch (error) {
    for (const { undo } of done.toReversed()) undo()
    throw error
  }
}

/** Puts all outputs in place, or leaves everything as it was. Throws a FileError. */
export async function commit(all: readonly Staged[]): Promise<void> {
  try {
    demandDifferent(all)
    for (const staged of all) await staged.write()
    for (const { finish } of putAll(all)) finish()
  } finally {
    for (const { discard } of all) discard()
  }
}

/** Stages outputs in order and commits them; if one fails, all drafts are discarded. */
export async function commitEach(stage: readonly (() => Promise<Staged>)[]): Promise<void> {
  const staged: Staged[] = []
  try {
    for (const one of stage) staged.push(await one())
  } catch (error) {
    for (const { discard } of staged) discard()
    throw error
  }
  await commit(staged)
}
