// A server of the files below this folder's project, for next-token.html: byte ranges included, this machine alone.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json' }
const root = process.cwd()

/** Both ends of the bytes that are asked for; null where the header asks for all or for what is not there. */
function rangeOf(header, size) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? []
  if (from === undefined || Number(from) >= size) return null
  return { start: Number(from), end: Math.min(size - 1, to === '' ? size - 1 : Number(to)) }
}

const server = createServer(({ url, headers, method }, response) => {
  const path = normalize(join(root, decodeURIComponent(new URL(url, 'http://localhost').pathname)))
  const file = path.startsWith(root + sep) ? statSync(path, { throwIfNoEntry: false }) : undefined
  if (!file?.isFile()) return response.writeHead(404).end()
  const range = rangeOf(headers.range, file.size)
  const { start, end } = range ?? { start: 0, end: file.size - 1 }
  response.writeHead(range === null ? 200 : 206, {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    ...(range !== null && { 'content-range': `bytes ${start}-${end}/${file.size}` }),
  })
  return method === 'HEAD' || file.size === 0 ? response.end() : createReadStream(path, { start, end }).pipe(response)
})

server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/examples/programs/next-token.html`)
})
