"""gguf - read, dequantise, round and write GGUF v3 files with numpy.

Source: docs/gguf.md and ggml-quants.c of the ggml project. Blocks are checked against tests' vectors by `python3 gguf.py VECTORS.json`.
A tensor is an array of bytes with a type and a shape in numpy's order (rows, columns); GGUF writes the columns first.
"""
import json
import mmap
import struct
import sys

import numpy as np

F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16 = 0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30
NAMES = {F32: "F32", F16: "F16", Q4_0: "Q4_0", Q4_1: "Q4_1", Q5_0: "Q5_0", Q5_1: "Q5_1", Q8_0: "Q8_0", Q4_K: "Q4_K", Q5_K: "Q5_K",
         Q6_K: "Q6_K", BF16: "BF16"}
BLOCK = {F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q4_0: (32, 18), Q4_1: (32, 20), Q5_0: (32, 22), Q5_1: (32, 24), Q8_0: (32, 34),
         Q4_K: (256, 144), Q5_K: (256, 176), Q6_K: (256, 210)}  # elements, bytes
ALIGN = 32
SCALAR = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Reader:
    """meta: key -> value; tensors: name -> (type, shape, array of bytes in the mapping)."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.map = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        self.pos = 0
        magic, version, n_tensors, n_meta = self.take("IIQQ")
        if magic != 0x46554747 or version not in (2, 3):
            raise ValueError(f"{path}: not a GGUF file of version 2 or 3")
        self.meta = {}
        for _ in range(n_meta):
            key = self.string()
            self.meta[key] = self.value(self.take("I")[0])
        heads = []
        for _ in range(n_tensors):
            name = self.string()
            n, = self.take("I")
            dims = self.take(f"{n}Q")
            kind, offset = self.take("IQ")
            heads.append((name, kind, tuple(reversed(dims)), offset))
        align = self.meta.get("general.alignment", ALIGN)
        base = -(-self.pos // align) * align
        self.tensors = {}
        for name, kind, shape, offset in heads:
            block, size = BLOCK[kind]
            data = np.frombuffer(self.map, np.uint8, int(np.prod(shape)) // block * size, base + offset)
            self.tensors[name] = (kind, shape, data)

    def take(self, form):
        out = struct.unpack_from("<" + form, self.map, self.pos)
        self.pos += struct.calcsize("<" + form)
        return out

    def string(self):
        n, = self.take("Q")
        self.pos += n
        return self.map[self.pos - n:self.pos].decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            of, n = self.take("IQ")
            return [self.value(of) for _ in range(n)] if of in (8, 9) else list(self.take(f"{n}{SCALAR[of]}"))
        return self.take(SCALAR[kind])[0]

    def array(self, name):
        kind, shape, data = self.tensors[name]
        return dequantize(data, kind).reshape(shape)


def half(b):
    return b.copy().view(np.float16).astype(np.float32)


def nibbles(q):
    """(n, 16) bytes -> (n, 32): low nibbles, then high ones."""
    return np.concatenate([q & 15, q >> 4], axis=1)


def fifth_bits(qh):
    """(n, 4) bytes -> (n, 32) of 0 and 16."""
    bits = np.unpackbits(qh, axis=1, bitorder="little")
    return bits << 4


def scales_k(s):
    """The eight 6-bit scales and minima of Q4_K and Q5_K: (n, 12) bytes -> two of (n, 8)."""
    d, m, md = s[:, 0:4], s[:, 4:8], s[:, 8:12]
    return (np.concatenate([d & 63, (md & 15) | ((d >> 2) & 48)], 1), np.concatenate([m & 63, (md >> 4) | ((m >> 2) & 48)], 1))


def dequantize(data, kind):
    """float32, flat."""
    if kind == F32:
        return data.view(np.float32)
    if kind == F16:
        return half(data)
    if kind == BF16:
        return (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    block, size = BLOCK[kind]
    b = data.reshape(-1, size)
    if kind == Q8_0:
        return (half(b[:, :2]) * b[:, 2:].view(np.int8)).reshape(-1)
    if kind == Q4_0:
        return (half(b[:, :2]) * (nibbles(b[:, 2:]).astype(np.int8) - 8)).reshape(-1)
    if kind == Q4_1:
        return (half(b[:, :2]) * nibbles(b[:, 4:]) + half(b[:, 2:4])).reshape(-1)
    if kind == Q5_0:
        return (half(b[:, :2]) * ((nibbles(b[:, 6:]) | fifth_bits(b[:, 2:6])).astype(np.int8) - 16)).reshape(-1)
    if kind == Q5_1:
        return (half(b[:, :2]) * (nibbles(b[:, 8:]) | fifth_bits(b[:, 4:8])) + half(b[:, 2:4])).reshape(-1)
    if kind in (Q4_K, Q5_K):
        sc, mn = scales_k(b[:, 4:16])
        q = b[:, 16:144] if kind == Q4_K else b[:, 48:176]
        q = q.reshape(-1, 4, 1, 32) >> np.array([0, 4], np.uint8).reshape(1, 1, 2, 1) & 15
        q = q.reshape(-1, 8, 32)
        if kind == Q5_K:
            q = q | (b[:, 16:48].reshape(-1, 1, 32) >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1) & 1) << 4
        d, m = half(b[:, :2]) * sc, half(b[:, 2:4]) * mn
        return (d[:, :, None] * q - m[:, :, None]).reshape(-1)
    if kind == Q6_K:
        low = b[:, :128].reshape(-1, 2, 1, 64) >> np.array([0, 4], np.uint8).reshape(1, 1, 2, 1) & 15
        high = b[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1) & 3
        q = (low.reshape(-1, 8, 32) | high.reshape(-1, 8, 32) << 4).astype(np.int8) - 32
        d = half(b[:, 208:210]) * b[:, 192:208].view(np.int8)
        return (d[:, :, None] * q.reshape(-1, 16, 16)).reshape(-1)
    raise ValueError(f"type {kind} is not known here")


def to_half(x):
    """(n, 1) float32 -> bytes and the float32 that they stand for."""
    h = x.astype(np.float16)
    return h.view(np.uint8).reshape(len(x), 2), h.astype(np.float32)


def join_nibbles(q):
    return (q[:, :16] | q[:, 16:] << 4).astype(np.uint8)


def quantize(x, kind):
    """Rounded as ggml's reference does (quantize_row_*_ref); bytes, flat. Of the K types Q6_K only, by plain rounding."""
    x = np.ascontiguousarray(x, np.float32).reshape(-1)
    if kind == F32:
        return x.view(np.uint8)
    if kind == F16:
        return x.astype(np.float16).view(np.uint8)
    v = x.reshape(-1, BLOCK[kind][0])
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == Q8_0:
            d = np.abs(v).max(1, keepdims=True) / np.float32(127)
            q = v * np.where(d > 0, 1 / d, 0).astype(np.float32)
            q = np.trunc(q + np.copysign(np.float32(0.5), q)).astype(np.int8)
            return np.concatenate([to_half(d)[0], q.view(np.uint8)], 1).reshape(-1)
        if kind in (Q4_0, Q5_0):
            top = 8 if kind == Q4_0 else 16
            far = np.take_along_axis(v, np.abs(v).argmax(1)[:, None], 1)
            d = far / np.float32(-top)
            q = v * np.where(d != 0, 1 / d, 0).astype(np.float32) + np.float32(top + 0.5)
            q = np.clip(q.astype(np.int32), 0, 2 * top - 1).astype(np.uint8)
            head = [to_half(d)[0]]
        elif kind in (Q4_1, Q5_1):
            top = 15 if kind == Q4_1 else 31
            low = v.min(1, keepdims=True)
            d = (v.max(1, keepdims=True) - low) / np.float32(top)
            q = (v - low) * np.where(d > 0, 1 / d, 0).astype(np.float32) + np.float32(0.5)
            q = np.clip(q.astype(np.int32), 0, top).astype(np.uint8)
            head = [to_half(d)[0], to_half(low)[0]]
        elif kind == Q6_K:
            return q6_k(v)
        else:
            raise ValueError(f"nothing is rounded to {NAMES.get(kind, kind)} here")
    if kind in (Q5_0, Q5_1):
        head.append(np.packbits(q >> 4, axis=1, bitorder="little"))
    return np.concatenate(head + [join_nibbles(q & 15)], 1).reshape(-1)


def q6_k(v):
    g = v.reshape(-1, 16, 16)
    far = np.take_along_axis(g, np.abs(g).argmax(2)[:, :, None], 2)[:, :, 0]
    s = far / np.float32(-32)
    big = np.take_along_axis(s, np.abs(s).argmax(1)[:, None], 1)
    d, back = to_half(big / np.float32(-128))
    sc = np.where(back != 0, np.clip(np.rint(s / np.where(back != 0, back, 1)), -128, 127), 0)
    step = back * sc
    q = np.where(step[:, :, None] != 0, np.rint(g / np.where(step == 0, 1, step)[:, :, None]), 0)
    q = (np.clip(q, -32, 31) + 32).astype(np.uint8).reshape(-1, 2, 4, 32)
    low, high = q & 15, q >> 4
    low = low[:, :, 0:2].reshape(-1, 2, 64) | low[:, :, 2:4].reshape(-1, 2, 64) << 4
    high = high[:, :, 0] | high[:, :, 1] << 2 | high[:, :, 2] << 4 | high[:, :, 3] << 6
    return np.concatenate([low.reshape(-1, 128), high.reshape(-1, 64), sc.astype(np.int8).view(np.uint8), d], 1).reshape(-1)


def write(path, meta, tensors):
    """meta: key -> str, float, int (uint32) or bool; tensors: (name, type, shape, bytes)."""
    def text(s):
        b = s.encode()
        return struct.pack("<Q", len(b)) + b

    def value(v):
        if isinstance(v, str):
            return struct.pack("<I", 8) + text(v)
        if isinstance(v, bool):
            return struct.pack("<I?", 7, v)
        return struct.pack("<If", 6, v) if isinstance(v, float) else struct.pack("<II", 4, v)

    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(meta))
    for k, v in meta.items():
        head += text(k) + value(v)
    offset = 0
    for name, kind, shape, data in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, offset)
        offset += -(-len(data) // ALIGN) * ALIGN
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % ALIGN))
        for _, _, _, data in tensors:
            f.write(data.tobytes() + bytes(-len(data) % ALIGN))


def check(path):
    """Each block of the vectors gives the values that stand there."""
    for name, row in json.load(open(path)).items():
        kind = {n: k for k, n in NAMES.items()}.get(name)
        if kind is None:
            continue
        for b in row["blocks"]:
            got = dequantize(np.frombuffer(bytes.fromhex(b["hex"]), np.uint8), kind)
            want = np.array(b["values"], np.float32)
            if not np.allclose(got, want, rtol=3e-7, atol=3e-7 * max(1e-9, np.abs(want).max())):
                sys.exit(f"gguf: {name}: differs by {np.abs(got - want).max()}")
    rng = np.random.default_rng(1)
    x = rng.standard_normal(256 * 64).astype(np.float32)
    for kind, most in ((Q8_0, 0.01), (Q6_K, 0.04), (Q5_1, 0.06), (Q5_0, 0.06), (Q4_1, 0.1), (Q4_0, 0.12)):
        error = np.sqrt(np.mean((dequantize(quantize(x, kind), kind) - x) ** 2))
        if error > most:
            sys.exit(f"gguf: {NAMES[kind]}: rounding moves by {error}")
    print("ok - gguf")


if __name__ == "__main__":
    check(sys.argv[1])
