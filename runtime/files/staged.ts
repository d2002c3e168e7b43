/** Outputs that appear together: each is made beside its place, then all are put there at once. */
import { FileError } from '../errors.ts'
import { removeMade } from './directories.ts'
import { discard, keepWatch } from './draft.ts'

export interface Staged {
  /** Where it goes, links followed: two outputs of one command must not meet. */
  readonly place: string
  readonly typed: string
  /** Writes what cannot be put in place at once, a stream; done first, since it cannot be undone. */
  readonly write: () => Promise<void>
  /** Puts it in its place without a wait, so that no signal comes between; gives what undoes this, which after the last of all nobody needs. */
  readonly put: (isLast: boolean) => Put
  /** Removes what was made so far. */
  readonly discard: () => void
}

export interface Put {
  readonly undo: () => void
  /** After all are in place: the disk is brought up to date, what was replaced goes. */
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
    if (other !== undefined) throw new FileError(typed, other.typed === typed ? 'is written to twice' : `is the same file as ${other.typed}: both would be written to it`)
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

/** Puts all in place, or leaves everything as it was. Throws a FileError. */
export async function commit(all: readonly Staged[]): Promise<void> {
  try {
    demandDifferent(all)
    for (const staged of all) await staged.write()
    for (const { finish } of putAll(all)) finish()
  } finally {
    for (const { discard } of all) discard()
  }
}

/** Stages one output after the other and puts all in place; what is staged goes where one fails. */
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
