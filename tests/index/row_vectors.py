#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes golden_rows.h: rows of the store made by hand from docs/format-rows.md, without libsodium.

What the C code reads must be what this independent writer wrote. Not part of the build: run it where
the format changes (needs python3-cryptography).
"""
import hashlib
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crypto"))
from keyring_vectors import hchacha20, seal  # noqa: E402

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: E402

ID_KEY, TABLE_KEY, ROW_KEY, HOLDER_KEY = (bytes(range(n, n + 32)) for n in (0, 32, 64, 96))
INDEX_ID = bytes(range(0xA0, 0xB0))
META, DUE = 0, 2


def seal_row(key, nonce8, row, plain):
    nonce = nonce8 + row
    aead = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return nonce8 + aead.encrypt(bytes(4) + nonce[16:24], plain, b"")


def tag(table, key, value):
    h = hashlib.blake2b(digest_size=16, key=ROW_KEY)
    h.update(bytes([table]) + struct.pack("<H", len(key)) + key + value)
    return h.digest()


def time_key(t):
    return struct.pack(">Q", (t ^ (1 << 63)) & (2**64 - 1))


def out(name, data):
    print(f"static const uint8_t {name}[{len(data)}] = {{")
    for i in range(0, len(data), 16):
        print("  " + " ".join(f"0x{b:02x}," for b in data[i : i + 16]))
    print("};")


blind = hashlib.blake2b(b"item/1", digest_size=16, key=ID_KEY).digest()
place = struct.pack("<BQI", 2, 0x1122334455667788, 5) + (9).to_bytes(5, "little")
place += struct.pack("<QI", 0x0102030405060708, 0x0A0B0C0D)
place_long = place + struct.pack("<qqq", 1700000000, 1703888000, 0)
due_key = time_key(1703888000) + struct.pack(">QI", 0x1122334455667788, 5)
due_body = bytes([1]) + struct.pack("<q", 1700000000) + blind + bytes(8)
due_value = due_body + tag(DUE, due_key, due_body) + bytes(8)
holder_key = b"S" + struct.pack(">Q", 0x1122334455667788)
holder_body = struct.pack("<IIqQIIHHBBHI", 1000, 0, 1700000000, 321, 2, 4567, 1, 1, 1, 0, 0, 0)
holder_value = holder_body + tag(META, holder_key, holder_body)
head = struct.pack("<H", 1) + INDEX_ID
head += struct.pack("<QQQQIQQqQq", 7, 5, 3, 0x99AABBCCDDEEFF00, 12, 34567, 4, 1690000000, 2, 1695000000)
record_key = struct.pack(">QIH", 0x99AABBCCDDEEFF00, 3, 0)
record_plain = bytes([2]) + blind + struct.pack("<qQI", 1700000001, 9, 5) + b"hello"
record_plain += bytes(256 - 48 - len(record_plain))
record_ad = b"sealdex record" + struct.pack("<H", 1) + INDEX_ID + struct.pack(">QI", 0x99AABBCCDDEEFF00, 3)
record = seal(HOLDER_KEY, bytes(range(32)), record_ad, record_plain)

if __name__ == "__main__":
    print("/* SPDX-License-Identifier: GPL-2.0-or-later */")
    print("/* Written by row_vectors.py from docs/format-rows.md. */")
    for name, data in (
        ("golden_blind", blind),
        ("golden_place", seal_row(TABLE_KEY, b"8 random", blind, place_long)),
        ("golden_due_key", due_key),
        ("golden_due", due_value),
        ("golden_holder", holder_value),
        ("golden_head", head),
        ("golden_record", record),
    ):
        out(name, data)
