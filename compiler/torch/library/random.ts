/** The random numbers of a step: the same as those of the op `random`, in any order. */

export const RANDOM = {
  philox: {
    uses: [],
    text: `
WORD = 0xFFFFFFFF


def philox(key, counter):
    """
    Philox 4x32-10 (Salmon et al., 2011): two key words and four counter words, ints or int64 tensors, to four words of
    32 random bits.
    """

    def product(a, b):
        low = (a & 0xFFFF) * b
        high = (a >> 16) * b + (low >> 16)
        return (high >> 16) & WORD, ((high << 16) | (low & 0xFFFF)) & WORD

    (c0, c1, c2, c3), (k0, k1) = counter, (key[0] & WORD, key[1] & WORD)
    for _ in range(10):
        high0, low0 = product(0xD2511F53, c0)
        high1, low1 = product(0xCD9E8D57, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3
`,
  },
  name_hash: {
    uses: [],
    text: `
def name_hash(text, basis=0x811C9DC5):
    """FNV-1a over UTF-16 code units, 32 bits."""
    units = text.encode("utf-16-le")
    for low, high in zip(units[::2], units[1::2]):
        basis = ((basis ^ (low | high << 8)) * 0x01000193) & 0xFFFFFFFF
    return basis
`,
  },
} as const satisfies Readonly<Record<string, { readonly uses: readonly string[]; readonly text: string }>>
