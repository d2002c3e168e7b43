import type { MoeClause } from '../ast.ts'
import { word } from '../tokens.ts'
import { Constraints } from './constraints.ts'

const expertsWords = [word('experts'), word('shared')]

/** Clauses of `moe`. */
export abstract class Clauses extends Constraints {
  experts(): MoeClause {
    const first = this.takeOneOf(expertsWords)
    const count = this.expression()
    this.take(word('of'))
    const of = this.call()
    return { kind: first.image as 'experts' | 'shared', count, of, span: this.since(first) }
  }

  route(): MoeClause {
    const first = this.take(word('route'))
    const policy = this.call()
    return { kind: 'route', policy, span: this.since(first) }
  }

  require(): MoeClause {
    const first = this.take(word('require'))
    const constraint = this.constraint()
    return { kind: 'require', constraint, span: this.since(first) }
  }
}
