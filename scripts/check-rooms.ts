/** `npm run rooms`: prints every breach of the map of rooms and fails where there is one. */
import { checkRooms } from './rooms.ts'

const problems = checkRooms(process.cwd())
for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(
  problems.length === 0 ? 'no import breaks the order of rooms\n' : `${problems.length} breaches of the map of rooms\n`,
)
process.exitCode = problems.length === 0 ? 0 : 1
