#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes golden_keyring.h: a keyring made by hand from docs/format-crypto.md, without libsodium.

What the C code reads must be what this independent writer wrote. Not part of the build: run it where
the format changes (needs python3-cryptography 44 or newer, for Argon2id).
"""
import hashlib
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.poly1305 import Poly1305

MASK = 0xFFFFFFFF
SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def rotate(x, n):
    return ((x << n) | (x >> (32 - n))) & MASK


# ---- XChaCha20-Poly1305 ----


def chacha_quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & MASK
        s[z] = rotate(s[z] ^ s[x], n)


def hchacha20(key, nonce16):
    s = list(SIGMA) + list(struct.unpack("<8I", key)) + list(struct.unpack("<4I", nonce16))
    for _ in range(10):
        for i in range(4):
            chacha_quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            chacha_quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *(s[:4] + s[12:]))


def seal(key, nonce32, ad, plain):
    """The sealed form: the whole nonce field, of which 24 bytes are used, then text and tag."""
    aead = ChaCha20Poly1305(hchacha20(key, nonce32[:16]))
    return nonce32 + aead.encrypt(bytes(4) + nonce32[16:24], plain, ad)


# ---- crypto_box_seal: X25519, XSalsa20-Poly1305 ----


def salsa_rounds(s):
    s = list(s)
    for _ in range(10):
        for base, step in ((0, 4), (0, 1)):
            for i in range(4):
                if step == 4:
                    a, b, c, d = [(5 * i + 4 * j) % 16 for j in range(4)]
                else:
                    a, b, c, d = [4 * i + (i + j) % 4 for j in range(4)]
                s[b] ^= rotate((s[a] + s[d]) & MASK, 7)
                s[c] ^= rotate((s[b] + s[a]) & MASK, 9)
                s[d] ^= rotate((s[c] + s[b]) & MASK, 13)
                s[a] ^= rotate((s[d] + s[c]) & MASK, 18)
    return s


def salsa_state(key, nonce16):
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", nonce16)
    return [SIGMA[0], *k[:4], SIGMA[1], *n, SIGMA[2], *k[4:], SIGMA[3]]


def hsalsa20(key, nonce16):
    s = salsa_rounds(salsa_state(key, nonce16))
    return struct.pack("<8I", *(s[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def xsalsa20(key, nonce24, size):
    sub, out = hsalsa20(key, nonce24[:16]), b""
    for block in range((size + 63) // 64):
        start = salsa_state(sub, nonce24[16:] + struct.pack("<Q", block))
        words = [(a + b) & MASK for a, b in zip(start, salsa_rounds(start))]
        out += struct.pack("<16I", *words)
    return out[:size]


def public_of(secret_half):
    return X25519PrivateKey.from_private_bytes(secret_half).public_key().public_bytes_raw()


def box_seal(public_half, ephemeral, plain):
    ours = public_of(ephemeral)
    nonce = hashlib.blake2b(ours + public_half, digest_size=24).digest()
    shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(
        X25519PublicKey.from_public_bytes(public_half))
    stream = xsalsa20(hsalsa20(shared, bytes(16)), nonce, 32 + len(plain))
    text = bytes(a ^ b for a, b in zip(plain, stream[32:]))
    return ours + Poly1305.generate_tag(stream[:32], text) + text


# ---- hashes and derivations ----


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def keyed(key, data):
    return hashlib.blake2b(data, key=key, digest_size=32).digest()


def derive(key, context, data=b""):
    return keyed(key, context.encode() + b"\0" + data)


def run(first, size=32):
    """first, first + 1, ...: every 'random' value of this keyring is such a run."""
    return bytes((first + i) & 255 for i in range(size))


# ---- the keyring ----

INDEX_ID, ROOT = run(0x10, 16), run(0x30)
WRAP = derive(ROOT, "sealdex keyring wrap 1", INDEX_ID)
PROOF = derive(ROOT, "sealdex keyring proof 1", INDEX_ID)
COMMITMENT = derive(ROOT, "sealdex keyring commitment 1", INDEX_ID)
SEGMENT, EPOCH, TRASH, ID, TABLE, INTAKE, DEPOSIT = 1, 2, 4, 16, 17, 18, 19
XCHACHA, AES = 1, 2


def slot(kind, material, ops, mib, salt, ephemeral, nonce):
    seed = derive(material, "sealdex slot seed 1",
                  struct.pack("<III", kind, ops, mib) + salt + INDEX_ID)
    pair_seed = derive(seed, "sealdex slot pair 1")
    secret_half = hashlib.sha512(pair_seed).digest()[:32]
    mac_key = derive(seed, "sealdex slot mac 1")
    header = struct.pack("<IIII", kind, ops, mib, 0) + salt + public_of(secret_half)
    own = derive(pair_seed, "sealdex slot public half 1", header[32:])
    sealed = (box_seal(header[32:], ephemeral, ROOT) + own).ljust(144, b"\0")
    wrapped = seal(WRAP, nonce, b"sealdex slot mac key 1\0" + INDEX_ID + header, mac_key)
    return header + sealed + wrapped + keyed(
        mac_key, b"sealdex slot 1\0" + INDEX_ID + header + COMMITMENT)


def clear(kind, cipher, ident, due, born):
    return struct.pack("<IIQqQ", kind, cipher, ident, due, born)


def entry(shown, key, nonce, public_half=bytes(32), wrap=WRAP, bound=b""):
    ad = b"sealdex keyring entry 1\0" + INDEX_ID + shown + public_half + bound
    return shown + public_half + seal(wrap, nonce, ad, key)


def husk(e):
    return e[:32] + digest(e[32:])


def record(kind, reason, ident, time, items, generation):
    return struct.pack("<IIQqQQ", kind, reason, ident, time, items, generation)


def region():
    passphrase = Argon2id(salt=run(0xB0, 16), length=32, iterations=2, lanes=1,
                          memory_cost=32 * 1024).derive(b"correct horse")
    slots = [slot(1, run(0x00), 0, 0, run(0xA0, 16), run(0x50), run(0x70)),
             slot(2, passphrase, 2, 32, run(0xB0, 16), run(0x51), run(0x71))]
    intake, deposit = run(0x88), run(0x89)
    live = [entry(clear(SEGMENT, XCHACHA, 0x1122334455667788, 0, 2), run(0x81), run(0x01)),
            entry(clear(EPOCH, AES, 5, 0, 3), run(0x82), run(0x02)),
            entry(clear(TRASH, XCHACHA, 7, 1700000000, 3), run(0x83), run(0x03)),
            entry(clear(ID, XCHACHA, 0, 0, 1), run(0x84), run(0x04), wrap=deposit),
            entry(clear(TABLE, XCHACHA, 0, 0, 1), run(0x85), run(0x05), wrap=deposit,
                  bound=public_of(intake)),
            entry(clear(INTAKE, XCHACHA, 0, 0, 1), intake, run(0x06), public_of(intake)),
            entry(clear(DEPOSIT, XCHACHA, 0, 0, 1), deposit, run(0x08))]
    gone = husk(entry(clear(TRASH, XCHACHA, 6, 1600000000, 2), run(0x87), run(0x07)))
    records = [record(SEGMENT, 2, 99, 1500000000, 64, 3), record(TRASH, 1, 6, 1600000001, 3, 5)]
    base = digest(b"sealdex keyring removals 1\0" + INDEX_ID)
    proven_chain = digest(base + records[0])
    proven_set = live[:2] + [gone] + live[2:]
    table = b"".join(slots).ljust(8 * 320, b"\0")
    proof = keyed(PROOF, b"sealdex keyring set 1\0" + INDEX_ID + struct.pack("<IQQQ", XCHACHA, 4, 40, 1)
                  + proven_chain + COMMITMENT + table + struct.pack("<Q", len(proven_set))
                  + b"".join(e if len(e) == 64 else husk(e) for e in proven_set))
    header = b"SEALDEXK" + struct.pack("<II", 1, 16384) + INDEX_ID
    header += struct.pack("<QQQQQQ", 5, 41, 4, 40, 2, 1)
    header += struct.pack("<IIII", XCHACHA, len(live), 1, len(records))
    header += base + proven_chain + COMMITMENT + proof
    rows = b"".join(live) + gone + b"".join(records)
    return header.ljust(512, b"\0") + table + rows, digest(proven_chain + records[1])


def define(name, data):
    lines = [data[i:i + 44].hex() for i in range(0, len(data), 44)]
    return f"#define {name} \\\n  " + " \\\n  ".join(f'"{line}"' for line in lines) + "\n"


def main():
    used, chain = region()
    checksum = digest(used.ljust(16384 - 32, b"\0"))
    head, slots, rows = used[:248], used[512:512 + 640], used[512 + 2560:]
    with open(sys.argv[1] if len(sys.argv) > 1 else "golden_keyring.h", "w") as out:
        out.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
                  "/* golden_keyring.h - written by keyring_vectors.py, not by hand. */\n"
                  "#ifndef SEALDEX_TESTS_CRYPTO_GOLDEN_KEYRING_H\n"
                  "#define SEALDEX_TESTS_CRYPTO_GOLDEN_KEYRING_H\n\n"
                  "/* clang-format off */\n")
        for name, data in (("HEADER", head), ("SLOTS", slots), ("ROWS", rows),
                           ("CHECKSUM", checksum), ("CHAIN", chain), ("WRAP", WRAP),
                           ("PROOF", PROOF), ("COMMITMENT", COMMITMENT)):
            out.write(define("GOLDEN_" + name, data))
        out.write("/* clang-format on */\n\n#endif\n")


main()
