/** Undefined names: diagnostics and suggestions. */
import type { Name } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { closest } from '../../../grammar/suggest.ts'
import type { ProgressVariable } from '../../../plan/formula.ts'
import { CONSTANTS, FUNCTIONS } from '../builtin/table.ts'
import { complain, type Frame } from './context.ts'
import { declared, declaredNames, isBroken } from '../modules/modules.ts'
import { find, namesIn } from './scope.ts'
import { ofStatic, UNKNOWN, type Value } from './value.ts'
import type { Problem } from '../modules/report.ts'
import { moment, real } from '../static/static.ts'

/** A name that a syntax error lost is not reported again. */
export const isLost = (frame: Frame, name: string): boolean =>
  name === '' || frame.module.file.lost.some((lost) => lost.text === name)

/** The nearest name of a list; else `otherwise`. Computed only if the message is shown. */
export const nearest = (
  { text }: Pick<Name, 'text'>,
  candidates: () => Iterable<string>,
  otherwise: string | null = null,
): { readonly help: () => string | null } => ({
  help: () => {
    const meant = closest(text, candidates())
    return meant === null ? otherwise : `did you mean ${meant}?`
  },
})

/** Names of other languages, and what to write instead. */
const EMPTY =
  'the language has no null; a parameter with a default can be omitted, and an option is a bool or one of several strings'
const FOREIGN: Readonly<Record<string, { readonly help: string; readonly replacement?: string }>> = {
  None: { help: EMPTY },
  null: { help: EMPTY },
  nil: { help: EMPTY },
  NULL: { help: EMPTY },
  undefined: { help: EMPTY },
  True: { help: 'write `true`', replacement: 'true' },
  TRUE: { help: 'write `true`', replacement: 'true' },
  False: { help: 'write `false`', replacement: 'false' },
  FALSE: { help: 'write `false`', replacement: 'false' },
  inf: { help: 'literals are finite; use `lowest` for a masked score' },
  nan: { help: 'literals are finite' },
}

/** What to write instead of an undefined name. */
function adviceFor(frame: Frame, name: Name): Pick<Problem, 'help' | 'fix'> {
  const foreign = Object.hasOwn(FOREIGN, name.text) ? FOREIGN[name.text] : undefined
  if (foreign !== undefined)
    return {
      help: foreign.help,
      fix: foreign.replacement === undefined ? null : { span: name.span, replacement: foreign.replacement },
    }
  const { declares, body } = frame.declaration
  const isOutput =
    declares === 'model' && body.some((statement) => statement.kind === 'output' && statement.name.text === name.text)
  if (isOutput)
    return {
      help: `an output cannot be read in the body; bind it first, \`let ${name.text} = ...\`, and then write \`output ${name.text} = ${name.text}\``,
    }
  return nearest(name, () => [...namesIn(frame.scope), ...Object.keys(CONSTANTS), 'true', 'false'])
}

export const article = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`

/** The value of a name. */
export function resolve(frame: Frame, name: Name): Value {
  const binding = find(frame.scope, name.text)
  if (binding !== undefined) return binding.value
  if (Object.hasOwn(CONSTANTS, name.text)) return ofStatic(real(CONSTANTS[name.text].value))
  if (name.text === 'step' || name.text === 'progress') return momentOf(frame, name.text, name.span)
  if (isLost(frame, name.text)) return UNKNOWN
  const other = declared(frame.module, name.text)
  if (other !== undefined) {
    if (isBroken(other)) return UNKNOWN
    return complain(frame, {
      code: 'SMOE2011',
      message: `${name.text} is ${article(other.declaration.declares)}, not a value; call it, as in ${name.text}(...)`,
      span: name.span,
    })
  }
  if (FUNCTIONS.has(name.text))
    return complain(frame, {
      code: 'SMOE2011',
      message: `${name.text} is a function, not a value; call it, as in ${name.text}(...)`,
      span: name.span,
    })
  return complain(frame, {
    code: 'SMOE2001',
    message: `\`${name.text}\` is not defined here`,
    span: name.span,
    ...adviceFor(frame, name),
  })
}

/** Whether this place runs only in training. The body of a declaration is judged at its calls. */
export function isForTraining({ chain, isTraining }: Frame): boolean {
  const { declares } = chain[0]
  return isTraining || (declares !== 'model' && declares !== 'policy')
}

function momentOf(frame: Frame, name: ProgressVariable, span: Span): Value {
  if (isForTraining(frame)) return ofStatic(moment(name))
  const help = `${name} is available in \`when training\`, in \`train\`, in what these call, and in the amount of dropout and noisy`
  return complain(frame, {
    code: 'SMOE2017',
    message: `${name} is only available in training`,
    span,
    help,
  })
}

/** Reports a call of an undefined name. */
export function unknownCallee(frame: Frame, name: Name): Value {
  if (isLost(frame, name.text)) return UNKNOWN
  const bound = find(frame.scope, name.text)
  if (bound !== undefined)
    return complain(frame, { code: 'SMOE2011', message: `${name.text} is a value and cannot be called`, span: name.span })
  const candidates = (): readonly string[] => [...declaredNames(frame.module), ...FUNCTIONS.keys()]
  const help = (): string | null => {
    const path = frame.module.exporter(name.text)
    return path === null ? nearest(name, candidates).help() : `import it with \`import { ${name.text} } from "${path}"\``
  }
  return complain(frame, {
    code: 'SMOE2002',
    message: `\`${name.text}\` is not a function or declaration`,
    span: name.span,
    help,
  })
}
