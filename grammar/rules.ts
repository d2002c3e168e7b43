import { Clauses } from './rules/clauses.ts'

/** The whole grammar: each file of `rules/` reads one kind of thing, and builds on those below it. */
export class Rules extends Clauses {
  constructor(skipValidations: boolean) {
    super(skipValidations)
    this.performSelfAnalysis()
  }
}
