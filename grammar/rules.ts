import { Training } from './rules/training.ts'

/** The whole grammar: each file of `rules/` reads one kind of thing, and builds on those below it. */
export class Rules extends Training {}
