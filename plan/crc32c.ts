/** CRC-32C (Castagnoli, RFC 3720, appendix B.4). */

const POLYNOMIAL = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let bits = byte
  for (let step = 0; step < 8; step++) bits = bits & 1 ? (bits >>> 1) ^ POLYNOMIAL : bits >>> 1
  return bits
})

/** Of bytes that follow those whose checksum is `before`: crc32c(b, crc32c(a)) is that of a and b. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let bits = ~before
  for (let at = 0; at < bytes.length; at++) bits = table[(bits ^ bytes[at]) & 255] ^ (bits >>> 8)
  return ~bits >>> 0
}
