import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

const text = readFileSync('ARCHITECTURE.md', 'utf8')

test('every invariant names what enforces it, and that is there', () => {
  const rows = text.split('\n').filter((line) => /^\| \d+ \|/.test(line))
  expect(rows.map((row) => Number(row.split('|')[1]))).toEqual(rows.map((_, at) => at + 1))
  for (const row of rows) {
    const files = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, file]) => file)
    expect(files, row).not.toEqual([])
    expect(
      files.filter((file) => !existsSync(file)),
      row,
    ).toEqual([])
  }
})

test('every room is described and has a README', () => {
  const rooms = [...text.matchAll(/^\| `([a-z/]+)\/` \|/gm)].map(([, room]) => room)
  const compilerRooms = readdirSync('compiler', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `compiler/${name}`)
  expect([...rooms].filter((room) => room.startsWith('compiler/')).sort()).toEqual(compilerRooms.sort())
  expect(rooms.filter((room) => !existsSync(`${room}/README.md`))).toEqual([])
})
