/** Processes of this machine. */

/** Whether a process with this id is running, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process belongs to another user
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
