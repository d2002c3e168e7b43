/** Names that mean something elsewhere: to JavaScript, TypeScript, Python and WGSL; and names that differ by case alone. */
import { reservedNames } from '../../grammar/tokens.ts'

const PROTOTYPE = Object.getOwnPropertyNames(Object.prototype).filter((name) => name !== '__proto__')

const TYPESCRIPT =
  `abstract any as asserts async await bigint boolean break case catch class const continue debugger declare default delete do enum
  export extends false finally for function get global if implements import infer instanceof interface is keyof let module namespace never new null
  number object of out override package private protected public readonly require return satisfies set static string super switch symbol this throw
  try type typeof undefined unique unknown using var void while with yield arguments eval NaN Infinity globalThis Promise Object Array Float32Array
  Number Record Readonly TypeError Session Device Plan Tensor Checkpoint LoadOptions TypedPort session plan device checkpoint load_options promise
  object_ type_error float32_array run dims load dispose name length prototype then inputs options data shape`.split(/\s+/)

const PYTHON =
  'and as assert async await class def del elif except False from global in is lambda None nonlocal not or pass raise True print self'.split(
    ' ',
  )

const WGSL =
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop override requires
  return struct switch true var while NULL Self abstract active alignas alignof asm asm_fragment async attribute auto await become binding_array cast catch
  class co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval constexpr constinit crate debugger
  decltype delete demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough filter final finally friend from fxgroup
  get goto groupshared highp impl implements import inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut mutable
  namespace new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of operator package packoffset partial pass patch
  pixelfragment precise precision premerge priv protected pub public readonly ref regardless register reinterpret_cast requires resource restrict self set
  shared sizeof smooth snorm static static_assert static_cast std subroutine super target template this thread_local throw trait try type typedef typeid
  typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield bool f16 f32 i32 u32 vec2 vec3 vec4
  mat4x4 array atomic ptr sampler texture_2d main workgroupBarrier select arrayLength`.split(/\s+/)

const CASES = ['case_of', 'Case_of', 'CASE_OF', 'a', 'A', '_', '__', '_1', 'x1', 'X1', 'i32_', 'params', 'sizes', 'gate', 'w0']

/** Each once, and without what the language itself has taken. */
export const oddNames: readonly string[] = [...new Set([...PROTOTYPE, ...TYPESCRIPT, ...PYTHON, ...WGSL, ...CASES])].filter(
  (name) => /^\w+$/.test(name) && !reservedNames.has(name),
)
