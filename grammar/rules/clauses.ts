import type { MoeClause } from '../ast.ts'
import { word } from '../tokens.ts'
import { Constraints } from './constraints.ts'

/** Clauses of `moe`. */
export abstract class Clauses extends Constraints {
  readonly experts = this.RULE('experts', (): MoeClause => {
    const first = this.OR([{ ALT: () => this.CONSUME(word('experts')) }, { ALT: () => this.CONSUME(word('shared')) }])
    const count = this.SUBRULE(this.expression)
    this.CONSUME(word('of'))
    const of = this.SUBRULE(this.call)
    return this.ACTION(() => ({ kind: first.image as 'experts' | 'shared', count, of, span: this.since(first) }))
  })

  readonly route = this.RULE('route', (): MoeClause => {
    const first = this.CONSUME(word('route'))
    const policy = this.SUBRULE(this.call)
    return this.ACTION(() => ({ kind: 'route', policy, span: this.since(first) }))
  })

  readonly require = this.RULE('require', (): MoeClause => {
    const first = this.CONSUME(word('require'))
    const constraint = this.SUBRULE(this.constraint)
    return this.ACTION(() => ({ kind: 'require', constraint, span: this.since(first) }))
  })
}
