/** Files for Node: atomic outputs, and inputs that are regular files. */

export { makeDirectories } from './directories.ts'
export { stageDirectory, type FileSet } from './directory.ts'
export { isDraft } from './draft.ts'
export { stageFile, textPieces, writeFileWhole } from './file.ts'
export { kindOf } from './kind.ts'
export { isAlive } from './process.ts'
export { openRegular, readRegular, readRegularSync, readUpTo } from './read.ts'
export { withFileErrorsAsync, reasonOf, WRITE } from './reason.ts'
export { commit, commitEach, type Staged } from './staged.ts'
export type { Pieces } from './pieces.ts'
