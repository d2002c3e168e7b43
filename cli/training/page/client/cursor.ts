/** The step under the pointer, shown in every figure at once. */

export interface Cursor {
  readonly set: (step: number | null) => void
  readonly follow: (move: (step: number | null) => void) => void
  /** Forgets all that follow. */
  readonly clear: () => void
}

export function createCursor(): Cursor {
  let followers: ((step: number | null) => void)[] = []
  return {
    set: (step) => followers.forEach((move) => move(step)),
    follow: (move) => void followers.push(move),
    clear: () => void (followers = []),
  }
}
