"""tokens - conversations as token ids, and the small files in which they travel.

  tokens.py MODEL.gguf PAIRS.jsonl.gz OUT [--context drop|keep|none] [--limit N] [--max-tokens N] [--part-mb N]
  tokens.py MODEL.gguf --check VECTORS.jsonl

Needs the library `tokenizers`, which is set up from the file's own vocabulary: no tokenizer of another release of the model can slip in.
The template is ChatML, as src/llm/chat.h has it: control tokens by id, texts without special parsing.
With `--context drop`, for training, a fifth of the pairs lose their context and another fifth what stands near them, so that code whose
surroundings say nothing works too; which ones, depends on the pair alone. Whose sentence needs the context never loses it.
Written are OUT-000.xz, OUT-001.xz, ...: each holds whole pairs (see `save`), and is about --part-mb large.
"""
import argparse
import concurrent.futures
import gzip
import hashlib
import json
import lzma
import os
import sys

import numpy as np

import gguf

SPLIT = {  # as in src/llm/pretok.h
    "qwen2": [r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
    "smollm": [r"\p{N}", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"],
}


class Tokenizer:
    def __init__(self, path):
        import tokenizers
        from tokenizers import Regex, Tokenizer as Real, decoders, models, pre_tokenizers as pre
        reader = gguf.Reader(path)
        words = reader.meta["tokenizer.ggml.tokens"]
        merges = [tuple(m.split(" ")) for m in reader.meta["tokenizer.ggml.merges"]]
        self.vocab = {w: i for i, w in enumerate(words)}
        real = Real(models.BPE(vocab=self.vocab, merges=merges, ignore_merges=False))
        split = [pre.Split(Regex(r), "isolated") for r in SPLIT[reader.meta["tokenizer.ggml.pre"]]]
        real.pre_tokenizer = pre.Sequence(split + [pre.ByteLevel(add_prefix_space=False, use_regex=False)])
        real.decoder = decoders.ByteLevel()
        # Words of the user-defined kind are found in any text, before it is split.
        kinds = reader.meta["tokenizer.ggml.token_type"]
        real.add_tokens([tokenizers.AddedToken(w, normalized=False) for w, k in zip(words, kinds) if k == 4])
        self.real = real
        self.start, self.end = self.vocab["<|im_start|>"], self.vocab["<|im_end|>"]
        system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." if reader.meta["general.architecture"] == "qwen2" else \
            "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
        self.system = {"role": "system", "content": system}

    def encode(self, texts):
        return [e.ids for e in self.real.encode_batch(texts, add_special_tokens=False)]

    def conversations(self, pairs):
        """pairs: (messages, target) -> (ids of the prompt, ids of the answer with its end token)."""
        texts, plan = [], []
        for messages, target in pairs:
            if messages[0]["role"] != "system":
                messages = [self.system] + messages
            plan.append(len(messages))
            texts += [f"{m['role']}\n{m['content']}" for m in messages] + [target]
        ids, at = self.encode(texts), 0
        newline, = self.encode(["\n"])[0]
        opening = [self.start] + self.encode(["assistant\n"])[0]
        for n in plan:
            prompt = []
            for i in range(n):
                prompt += [self.start, *ids[at + i], self.end, newline]
            yield prompt + opening, ids[at + n] + [self.end]
            at += n + 1


def save(path, prompts, answers):
    """uint32 lengths and ids of all prompts, then of all answers, xz-compressed; ids as their low 16 bits, then the bits above."""
    flat = np.fromiter((i for ids in prompts + answers for i in ids), np.uint32)
    lengths = np.array([len(p) for p in prompts] + [len(a) for a in answers], np.uint32)
    raw = np.uint32(len(prompts)).tobytes() + lengths.tobytes() + flat.astype(np.uint16).tobytes() + (flat >> 16).astype(np.uint8).tobytes()
    # Ids have two bytes: matches begin at even places.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 1, "pb": 1, "dict_size": 64 << 20}]
    with open(path, "wb") as out:
        out.write(lzma.compress(raw, filters=filters))


def load(path):
    """Two lists of arrays of int64: prompts and answers."""
    raw = lzma.decompress(open(path, "rb").read())
    n = int(np.frombuffer(raw, np.uint32, 1)[0])
    lengths = np.frombuffer(raw, np.uint32, 2 * n, 4)
    total = int(lengths.sum())
    at = 4 + 8 * n
    low, high = np.frombuffer(raw, np.uint16, total, at), np.frombuffer(raw, np.uint8, total, at + 2 * total)
    parts = np.split(low.astype(np.int64) | high.astype(np.int64) << 16, np.cumsum(lengths)[:-1])
    return parts[:n], parts[n:]


def check(tokenizer, path):
    """Ids as in the vectors; rows in which the published tokenizer differs are left alone."""
    n = bad = 0
    for line in open(path, encoding="utf-8"):
        row = json.loads(line)
        if row.get("parse_special") or row.get("add_special") or "hf_ids" in row:
            continue
        n += 1
        if tokenizer.encode([row["text"]])[0] != row["ids"]:
            bad += 1
            print(f"not ok - {row['text'][:60]!r}")
    print(f"{n - bad} of {n} texts have the ids of the vectors")
    return bad == 0


DROP_ALL, DROP_NEAR = 0.28, 0.25  # of pairs that stand alone, about 72 in 100; and of the others that have a context


def reduced(text, what):
    """The user's message without its context (`what` "all") or without the section of neighbours in it ("near")."""
    if not text.startswith("Context:\n"):
        return text
    context, question = text.split("\n\n", 1)
    if what == "all":
        return question
    kept, near = [], False
    for line in context.split("\n"):
        if not line.startswith("- "):
            near = line == "Near it:"
        if not near:
            kept.append(line)
    return question if len(kept) == 1 else "\n".join(kept) + "\n\n" + question


def with_context(p, mode):
    """The messages of a pair in the form of `mode`."""
    messages = p["messages"]
    what = "all" if mode == "none" else None
    if mode == "drop":
        at = hashlib.sha256("\0".join((p["package"], p["path"], p["name"], p["code"])).encode()).digest()
        x, y = (int.from_bytes(at[i:i + 4], "big") / 2**32 for i in (0, 4))
        what = "all" if x < DROP_ALL and p["alone"] else "near" if y < DROP_NEAR else None
    if not what:
        return messages
    return messages[:-1] + [{**messages[-1], "content": reduced(messages[-1]["content"], what)}]


BYTES = 0.56  # a token, compressed


def main():
    a = argparse.ArgumentParser()
    a.add_argument("model")
    a.add_argument("pairs", nargs="?")
    a.add_argument("out", nargs="?")
    a.add_argument("--check", metavar="VECTORS")
    a.add_argument("--limit", type=int, default=0)
    a.add_argument("--max-tokens", type=int, default=900, help="longer pairs are left out")
    a.add_argument("--part-mb", type=float, default=2.8)
    a.add_argument("--context", choices=["drop", "keep", "none"], default="keep")
    a = a.parse_args()
    tokenizer = Tokenizer(a.model)
    if a.check:
        sys.exit(not check(tokenizer, a.check))
    n = tokens = dropped = part = 0
    prompts, answers, size, jobs, full = [], [], 0, [], []

    def group(f):
        rows = []
        for i, line in enumerate(f):
            if a.limit and i >= a.limit:
                break
            p = json.loads(line)
            rows.append((with_context(p, a.context), p["target"]))
            if a.context == "none":  # the same pairs as with their context
                full.append((p["messages"], p["target"]))
            if len(rows) == 1024:
                yield rows
                rows = []
                full.clear()
        yield rows

    with gzip.open(a.pairs, "rt", encoding="utf-8") as f, concurrent.futures.ProcessPoolExecutor(2) as pool:
        for rows in group(f):
            done = list(tokenizer.conversations(rows))
            lengths = [len(p) + len(q) for p, q in (tokenizer.conversations(full) if full else done)]
            for (prompt, answer), length in zip(done, lengths):
                if length > a.max_tokens:
                    dropped += 1
                    continue
                prompts.append(prompt)
                answers.append(answer)
                n, size, tokens = n + 1, size + len(prompt) + len(answer), tokens + len(prompt) + len(answer)
            if size * BYTES > a.part_mb * 1e6:
                jobs.append(pool.submit(save, f"{a.out}-{part:03d}.xz", prompts, answers))
                part, size, prompts, answers = part + 1, 0, [], []
        if prompts:
            jobs.append(pool.submit(save, f"{a.out}-{part:03d}.xz", prompts, answers))
        for job in jobs:
            job.result()
    mb = sum(os.path.getsize(f"{a.out}-{i:03d}.xz") for i in range(len(jobs))) / 1e6
    print(f"{n} pairs, {tokens} tokens, {tokens / max(1, n):.0f} a pair, {dropped} longer than {a.max_tokens} left out, {len(jobs)} parts, {mb:.1f} MB")


if __name__ == "__main__":
    main()
