/** Names that nothing stands for. */
import type { Name } from '../../grammar/ast.ts'
import type { Span } from '../../grammar/source.ts'
import { closest } from '../../grammar/suggest.ts'
import type { MomentName } from '../../plan/formula.ts'
import { CONSTANTS, FUNCTIONS } from './builtin/table.ts'
import { complain, type Frame } from './context.ts'
import { declared, declaredNames, isBroken } from './modules.ts'
import { find, namesIn } from './scope.ts'
import { ofStatic, UNKNOWN, type Value } from './value.ts'
import { moment, real } from './static.ts'

/** A name lost to a mistake of form says nothing more. */
export const isLost = (frame: Frame, name: string): boolean => name === '' || frame.module.file.lost.some((lost) => lost.text === name)

/** The name of a list that was probably meant; else `otherwise`. Looked for only where it is shown. */
export const nearest = ({ text }: Pick<Name, 'text'>, candidates: () => Iterable<string>, otherwise: string | null = null): { readonly help: () => string | null } => ({
  help: () => {
    const meant = closest(text, candidates())
    return meant === null ? otherwise : `${meant} is probably meant`
  },
})

export const article = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`

/** What a name stands for. */
export function resolve(frame: Frame, name: Name): Value {
  const binding = find(frame.scope, name.text)
  if (binding !== undefined) return binding.value
  if (Object.hasOwn(CONSTANTS, name.text)) return ofStatic(real(CONSTANTS[name.text].value))
  if (name.text === 'step' || name.text === 'progress') return momentOf(frame, name.text, name.span)
  if (isLost(frame, name.text)) return UNKNOWN
  const other = declared(frame.module, name.text)
  if (other !== undefined) {
    if (isBroken(other)) return UNKNOWN
    return complain(frame, { code: 'SMOE2011', message: `${name.text} is ${article(other.declaration.declares)}; it is called, as in ${name.text}(...)`, span: name.span })
  }
  if (FUNCTIONS.has(name.text)) return complain(frame, { code: 'SMOE2011', message: `${name.text} is a function; it is called, as in ${name.text}(...)`, span: name.span })
  return complain(frame, { code: 'SMOE2001', message: `there is no ${name.text} here`, span: name.span, ...nearest(name, () => [...namesIn(frame.scope), ...Object.keys(CONSTANTS), 'true', 'false']) })
}

/** Whether what stands here is there for training alone. A body that can be called there or elsewhere is judged where it is called. */
export function isForTraining({ chain, isTraining }: Frame): boolean {
  const { declares } = chain[0]
  return isTraining || (declares !== 'model' && declares !== 'policy')
}

function momentOf(frame: Frame, name: MomentName, span: Span): Value {
  if (isForTraining(frame)) return ofStatic(moment(name))
  const help = `${name} stands in \`when training\`, in \`train\`, in what is called there, and in the amount of dropout and noisy`
  return complain(frame, { code: 'SMOE2017', message: `${name} tells how far a training has come, and is there when training`, span, help })
}

/** Says that nothing with this name can be called. */
export function unknownCallee(frame: Frame, name: Name): Value {
  if (isLost(frame, name.text)) return UNKNOWN
  const bound = find(frame.scope, name.text)
  if (bound !== undefined) return complain(frame, { code: 'SMOE2011', message: `${name.text} is a value and cannot be called`, span: name.span })
  const candidates = (): readonly string[] => [...declaredNames(frame.module), ...FUNCTIONS.keys()]
  return complain(frame, { code: 'SMOE2002', message: `there is no ${name.text} to call`, span: name.span, ...nearest(name, candidates) })
}
