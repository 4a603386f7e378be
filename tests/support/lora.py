"""lora.py - a random low-rank adapter for a model, as a GGUF file; without any package.

    lora.py MODEL.gguf OUT.gguf [--rank N] [--alpha X] [--size X] [--seed N] [--a-type q8_0|f16|f32] [--b-type ...]
            [--merge TYPE] [--base HEX|none] [--name NAME] [--only WORD]

Shapes are read from the model. size is the share of a matrix's own spread that the pair adds to it, about. The same
arguments give the same bytes."""
import argparse, hashlib, random, struct

F32, F16, Q8_0 = 0, 1, 8
TYPES = {"f32": F32, "f16": F16, "q8_0": Q8_0}
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


class Reader:
    def __init__(self, f):
        self.f = f

    def take(self, form):
        v = struct.unpack("<" + form, self.f.read(struct.calcsize("<" + form)))
        return v[0] if len(v) == 1 else v

    def text(self):
        return self.f.read(self.take("Q"))

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, n = self.take("IQ")
            return [self.value(inner) for _ in range(n)]
        return self.take("BbHhIifB__Qqd".replace("__", "")[kind if kind < 8 else kind - 2])


def read_model(path):
    """Its keys, and (name, [columns, rows]) of each tensor."""
    with open(path, "rb") as f:
        r = Reader(f)
        magic, _version, n_tensors, n_keys = r.take("4sIQQ")
        assert magic == b"GGUF", path
        keys = {}
        for _ in range(n_keys):
            key = r.text().decode()
            keys[key] = r.value(r.take("I"))
        tensors = []
        for _ in range(n_tensors):
            name = r.text().decode()
            dims = [r.take("Q") for _ in range(r.take("I"))]
            r.take("IQ")
            tensors.append((name, dims))
    return keys, tensors


def encode(values, kind):
    if kind == F32:
        return struct.pack("<%df" % len(values), *values)
    if kind == F16:
        return struct.pack("<%de" % len(values), *values)
    out = bytearray()
    for at in range(0, len(values), 32):
        block = values[at : at + 32]
        d = max(map(abs, block)) / 127
        out += struct.pack("<e32b", d, *(round(v / d) if d else 0 for v in block))
    return bytes(out)


def put_text(out, s):
    s = s.encode()
    out += struct.pack("<Q", len(s)) + s


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("out")
    p.add_argument("--rank", type=int, default=4)
    p.add_argument("--alpha", type=float, default=8)
    p.add_argument("--size", type=float, default=0.1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--a-type", choices=TYPES, default="q8_0")
    p.add_argument("--b-type", choices=TYPES, default="f16")
    p.add_argument("--merge")
    p.add_argument("--base")
    p.add_argument("--name", default="random")
    p.add_argument("--only", default="")
    o = p.parse_args()
    keys, tensors = read_model(o.model)
    rnd = random.Random(o.seed)
    base = o.base
    if base is None:
        with open(o.model, "rb") as f:
            base = hashlib.sha256(f.read()).hexdigest()

    kv = bytearray()
    n_kv = 0
    texts = [("general.type", "adapter"), ("general.architecture", keys["general.architecture"].decode()),
             ("general.name", o.name), ("adapter.type", "lora")]
    if base != "none":
        texts.append(("dobby.base.sha256", base))
    if o.merge:
        texts.append(("dobby.merge.type", o.merge))
    for key, text in texts:
        put_text(kv, key)
        kv += struct.pack("<I", 8)
        put_text(kv, text)
        n_kv += 1
    put_text(kv, "adapter.lora.alpha")
    kv += struct.pack("<If", 6, o.alpha)
    n_kv += 1

    info, data, n = bytearray(), bytearray(), 0
    for name, dims in tensors:
        part = name.split(".")
        if len(part) != 4 or part[2] not in MATRICES or part[3] != "weight" or o.only not in name:
            continue
        cols, rows = dims
        # Entries of a and b of spread s give sums of spread s^2 sqrt(rank); a matrix's own is about 1 / sqrt(columns).
        spread = (o.size / cols**0.5 / o.rank**0.5 * o.rank / o.alpha) ** 0.5
        for suffix, shape, kind in (("a", (cols, o.rank), TYPES[o.a_type]), ("b", (o.rank, rows), TYPES[o.b_type])):
            body = encode([rnd.gauss(0, spread) for _ in range(shape[0] * shape[1])], kind)
            data += b"\0" * (-len(data) % 32)
            put_text(info, name + ".lora_" + suffix)
            info += struct.pack("<IQQIQ", 2, *shape, kind, len(data))
            data += body
            n += 1
    head = struct.pack("<4sIQQ", b"GGUF", 3, n, n_kv) + kv + info
    with open(o.out, "wb") as f:
        f.write(head + b"\0" * (-len(head) % 32) + data)


if __name__ == "__main__":
    main()
