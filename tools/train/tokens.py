"""tokens - conversations as token ids, and the small files in which they travel.

  tokens.py MODEL.gguf PAIRS.jsonl.gz OUT [--context off] [--limit N] [--max-tokens N] [--part-mib N]
  tokens.py MODEL.gguf --check VECTORS.jsonl

Needs the library `tokenizers`, which is set up from the file's own vocabulary: no tokenizer of another release of the model can slip in.
The template is ChatML, as src/llm/chat.h has it: control tokens by id, texts without special parsing.
Written are OUT-000.xz, OUT-001.xz, ...: each holds whole pairs (see `save`), and is at most --part-mib large.
"""
import argparse
import gzip
import io
import json
import lzma
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


def main():
    a = argparse.ArgumentParser()
    a.add_argument("model")
    a.add_argument("pairs", nargs="?")
    a.add_argument("out", nargs="?")
    a.add_argument("--check", metavar="VECTORS")
    a.add_argument("--limit", type=int, default=0)
    a.add_argument("--max-tokens", type=int, default=1536, help="longer pairs are left out")
    a.add_argument("--part-mib", type=float, default=28)
    a.add_argument("--bare", action="store_true", help="a short prompt with the code alone, to compare with")
    a = a.parse_args()
    tokenizer = Tokenizer(a.model)
    if a.check:
        sys.exit(not check(tokenizer, a.check))
    prompts, answers, part, size, dropped = [], [], 0, 0, 0
    groups, group = [], []
    with gzip.open(a.pairs, "rt", encoding="utf-8") as f:
        for i, line in enumerate(f):
            if a.limit and i >= a.limit:
                break
            p = json.loads(line)
            messages = p["messages"]
            if a.bare:
                messages = [messages[0], messages[-1]]
            group.append((messages, p["target"]))
            if len(group) == 4096:
                groups.append(group)
                group = []
    groups.append(group)
    n = tokens = 0
    for group in groups:
        for prompt, answer in tokenizer.conversations(group):
            if len(prompt) + len(answer) > a.max_tokens:
                dropped += 1
                continue
            prompts.append(prompt)
            answers.append(answer)
            n += 1
            size += len(prompt) + len(answer)
            tokens += len(prompt) + len(answer)
        # About 1.15 bytes a token after compression.
        if size * 1.15 > a.part_mib * (1 << 20):
            save(f"{a.out}-{part:03d}.xz", prompts, answers)
            part, size, prompts, answers = part + 1, 0, [], []
    if prompts:
        save(f"{a.out}-{part:03d}.xz", prompts, answers)
        part += 1
    print(f"{n} pairs, {tokens} tokens, {tokens / max(1, n):.0f} a pair, {dropped} longer than {a.max_tokens} left out, {part} parts")


if __name__ == "__main__":
    main()
