/** Which tensors of an export are quantised, and to what. */
import { listed, quoted } from '../../runtime/checkpoint/quote.ts'
import type { LaidTensor, Part } from '../export/layout.ts'
import { EXIT, Failure } from '../exit.ts'
import { checkUsed, choiceFor, type Chosen, type ChoiceLine } from './choice.ts'
import { isInteger, METHOD, type Format } from './formats.ts'
import type { WeightKind, WeightRole } from './kinds.ts'

export interface Rules {
  readonly to: Format
  /** Whether matrices of routed experts alone are quantised. */
  readonly onlyExperts: boolean
  /** Whether what belongs to a router stays as it is. */
  readonly keepsRouter: boolean
  /** Lines of a file, and its name; null for none. */
  readonly choices: { readonly lines: readonly ChoiceLine[]; readonly name: string } | null
}

export interface ChosenTensor {
  readonly tensor: LaidTensor
  /** That of all its parts; numbers, where they differ. */
  readonly kind: WeightKind
  readonly isMatrix: boolean
  readonly format: Chosen
}

/**
 * Without a file: codes for matrices of layers, and not for the head, as they are published; MXFP4 for experts alone, as it is
 * published; bf16 for every number.
 */
function formatOf({ kind, isMatrix }: WeightRole, { to, onlyExperts, keepsRouter }: Rules): Chosen {
  if (kind === 'experts') return to
  if (onlyExperts || (kind === 'router' && keepsRouter)) return null
  if (to === 'bf16') return to
  return isMatrix && kind !== 'head' && to !== 'mxfp4' ? to : null
}

const EXPERT = /^(.*\.experts)\.([^.]+)$/

/** The paths of what a part of a tensor holds: one for each expert, where it holds experts. */
export function pathsOf({ port, at }: Part): readonly string[] {
  const [, experts, own] = EXPERT.exec(port.name) ?? []
  if (experts === undefined) return [port.name]
  const all = port.stacked ? [at] : Array.from({ length: Number(port.shape[0]) }, (_, e) => e)
  return all.map((e) => `${experts}.${e}.${own}`)
}

/** The one format of a tensor. Throws a Failure for several. */
function formatOfTensor(tensor: LaidTensor, role: WeightRole, rules: Rules): Chosen {
  const { choices } = rules
  const [first, ...others] = tensor.parts.flatMap(pathsOf).map((path) => {
    const line = choices === null ? undefined : choiceFor(choices.lines, path)
    return { path, format: line === undefined ? formatOf(role, rules) : line.format }
  })
  const other = others.find(({ format }) => format !== first.format)
  if (other === undefined) return first.format
  throw new Failure(
    EXIT.usage,
    `'${tensor.name}' has one format: ${first.path} would be ${first.format ?? 'kept'}, ${other.path} ${other.format ?? 'kept'}`,
  )
}

const MXFP4_BLOCK = 32

/** Rows of fewer take as many words in 4 bits as in 8, and the files tell bits by the words. */
const SHORTEST_ROW = 5

/** Why the layout of the codes cannot hold a tensor; null where it can. */
function refusalOf({ tensor, isMatrix, format }: ChosenTensor): string | null {
  const { name, shape, parts } = tensor
  if (format === null || format === 'bf16') return null
  if (!isMatrix) return 'is a vector or a table, where codes are for matrices of linear layers'
  if (parts.some(({ port, at }) => port.pieces[at].transpose))
    return 'has an input of its layer in each row, and codes have an output'
  if (isInteger(format) && !name.endsWith('.weight'))
    return "has no name for codes: compressed-tensors puts them behind '.weight'"
  if (isInteger(format) && shape.at(-1)! < SHORTEST_ROW)
    return `has rows of ${shape.at(-1)} numbers, in which codes of 4 and of 8 bits look alike`
  if (format === 'mxfp4' && shape.at(-1)! % MXFP4_BLOCK !== 0)
    return `has rows of ${shape.at(-1)} numbers, which are not whole blocks of ${MXFP4_BLOCK}`
  return null
}

/** Throws a Failure for what one config does not say of these tensors together. */
function checkTogether(chosen: readonly ChosenTensor[], { to }: Rules): void {
  const other = chosen.find(({ format }) => format !== null && METHOD[format] !== METHOD[to])
  if (other !== undefined)
    throw new Failure(EXIT.usage, `'${other.tensor.name}' would be ${other.format}, which a config does not name beside ${to}`)
  const refused = chosen.flatMap((one) => {
    const reason = refusalOf(one)
    return reason === null ? [] : [{ name: one.tensor.name, reason }]
  })
  if (refused.length === 0) return
  const [{ reason }] = refused
  const alike = refused.filter((one) => one.reason === reason).map(({ name }) => quoted(name))
  throw new Failure(
    EXIT.usage,
    `not written as ${to}: ${listed(alike, 3)} ${reason}`,
    'a line PATH = keep of --choice leaves it as it is',
  )
}

/** In the order of the tensors. Throws a Failure for what the layout or the config cannot say. */
export function chooseFormats(
  tensors: readonly LaidTensor[],
  roles: ReadonlyMap<string, WeightRole>,
  rules: Rules,
): readonly ChosenTensor[] {
  const { choices } = rules
  if (choices !== null) {
    const paths = tensors.flatMap(({ parts }) => parts.flatMap(pathsOf))
    checkUsed(choices.lines, paths, choices.name)
  }
  const chosen = tensors.map((tensor): ChosenTensor => {
    const [first, ...others] = tensor.parts.map(({ port }) => roles.get(port.name)!)
    const isAlike = others.every(({ kind, isMatrix }) => kind === first.kind && isMatrix === first.isMatrix)
    const role: WeightRole = isAlike ? first : { kind: 'numbers', isMatrix: false }
    return { tensor, ...role, format: formatOfTensor(tensor, role, rules) }
  })
  checkTogether(chosen, rules)
  if (chosen.every(({ format }) => format === null)) throw new Failure(EXIT.usage, `no weight would be written as ${rules.to}`)
  return chosen
}
