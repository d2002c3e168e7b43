import { existsSync } from 'node:fs'
import { messageOf } from '../device.ts'

const RTLD_NOW = 2
const RTLD_NODELETE = 0x1000
const LOADER = 'libvulkan.so.1'

/** A library that is no Node module loads all the same; Node then says only that it did not register. */
function load(path: string): string | null {
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_NODELETE)
    return null
  } catch (error) {
    const message = messageOf(error)
    return message.includes('did not self-register') ? null : message
  }
}

/** Has the Vulkan loader in the process before Dawn asks for it: the system's, else the first of `candidates` that loads. */
export function loadVulkan(candidates: readonly string[]): {
  readonly loaded: string | null
  readonly problems: readonly string[]
} {
  if (process.platform !== 'linux') return { loaded: 'not needed', problems: [] }
  if (load(LOADER) === null) return { loaded: "the system's", problems: [] }
  const problems: string[] = []
  for (const path of candidates.filter((candidate) => existsSync(candidate))) {
    const problem = load(path)
    if (problem === null) return { loaded: path, problems }
    problems.push(problem)
  }
  return { loaded: null, problems }
}
