"""train - a low-rank adapter for a GGUF model, its export, and what merging it costs.

  train.py train MODEL.gguf --data 'TOKENS-*.xz' --heldout NAME='HELD-*.xz' --run DIR [options]   goes on where DIR's checkpoint stopped
  train.py export MODEL.gguf --run DIR --out ADAPTER.gguf [--merge-type Q8_0]
  train.py merge-loss MODEL.gguf --adapter ADAPTER.gguf --heldout NAME='HELD-*.xz' [--types f32,q8_0,...]
  train.py loss MODEL.gguf --heldout NAME='HELD-*.xz'

--heldout may be given several times (the same pairs with their context and without, say); each loss is told by its name.
The loss is the mean negative log-probability, in nats, of the answer's tokens and its end token; the prompt counts for nothing.
Batches are made of pairs of like length, padded on the right (model.py says why that is enough), at most --batch-tokens large; their
order, the split of an epoch and the adapter's beginning depend on --seed alone. A run that ends at --seconds or is killed goes on
from its last checkpoint: the same batches in the same order.
"""
import argparse
import concurrent.futures
import glob
import hashlib
import json
import math
import os
import sys
import time

import numpy as np
import torch

import gguf
import tokens
from model import Model


MERGE_TYPES = ("F32", "F16", "Q8_0", "Q5_0", "Q4_1", "Q4_0")  # as the program names those that it merges to (dobby.merge.type)


def read_pairs(pattern, limit=0, seed=0):
    prompts, answers = [], []
    files = sorted(glob.glob(pattern))
    if not files:
        sys.exit(f"train: {pattern}: no such file; make it with tokens.py")
    for f in files:
        p, a = tokens.load(f)
        prompts += p
        answers += a
    if limit and limit < len(prompts):
        pick = np.sort(np.random.default_rng(seed).permutation(len(prompts))[:limit])
        prompts, answers = [prompts[i] for i in pick], [answers[i] for i in pick]
    return prompts, answers


def batches(prompts, answers, size, seed, epoch):
    """Lists of indices: pairs of like length together, the lists in random order."""
    lengths = np.array([len(p) + len(a) for p, a in zip(prompts, answers)])
    rng = np.random.default_rng([seed, epoch])
    order = np.argsort(lengths + rng.random(len(lengths)) * 16)
    out, at = [], 0
    while at < len(order):
        n = 1
        while at + n < len(order) and (n + 1) * lengths[order[at:at + n + 1]].max() <= size:
            n += 1
        out.append(order[at:at + n])
        at += n
    return [out[i] for i in rng.permutation(len(out))]


def rectangle(prompts, answers, pick, device):
    """ids (B, L), and for each token to be learned its place before it (flat) and its id."""
    rows = [np.concatenate((prompts[i], answers[i])) for i in pick]
    length = -(-max(len(r) - 1 for r in rows) // 8) * 8  # inputs: one fewer than tokens; a multiple of 8 for the kernels
    ids = np.zeros((len(rows), length), np.int64)
    where, what = [], []
    for b, (r, i) in enumerate(zip(rows, pick)):
        ids[b, :len(r) - 1] = r[:-1]
        first = len(prompts[i]) - 1
        where.append(b * length + first + np.arange(len(answers[i])))
        what.append(answers[i])
    put = lambda x: torch.from_numpy(x).to(device, non_blocking=True)
    return put(ids), put(np.concatenate(where)), put(np.concatenate(what))


def read_heldout(a):
    """NAME -> pairs, of all --heldout."""
    if not a.heldout or not all("=" in h for h in a.heldout):
        sys.exit("train: say what the loss is told of: --heldout NAME='HELD-*.xz'")
    return {name: read_pairs(pattern, a.heldout_limit) for name, _, pattern in (h.partition("=") for h in a.heldout)}


def heldout_losses(model, held, size, device):
    return {name: heldout_loss(model, *pairs, size, device) for name, pairs in held.items()}


@torch.no_grad()
def heldout_loss(model, prompts, answers, size, device):
    model.eval()
    total = n = 0
    for pick in batches(prompts, answers, size, 0, 0):
        loss = model.losses(*rectangle(prompts, answers, pick, device))
        total += loss.double().sum().item()
        n += len(loss)
    model.train()
    return total / n


def say(run, **row):
    line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})
    print(line, flush=True)
    if run:
        with open(os.path.join(run, "log.jsonl"), "a") as f:
            f.write(line + "\n")


def save_state(run, **state):
    path = os.path.join(run, "state.pt")
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def options_of_run(a):
    """What decides the result; a run goes on with the same only."""
    return {k: getattr(a, k) for k in ("rank", "alpha", "lr", "epochs", "seed", "limit", "batch_tokens", "accumulate", "min_words", "all_weights", "warmup",
                                       "weight_decay")} | {"data": a.data}


def train(a):
    device = a.device
    torch.manual_seed(a.seed)
    os.makedirs(a.run, exist_ok=True)
    begin = time.monotonic()
    prompts, answers = read_pairs(a.data, a.limit, a.seed)
    if a.min_words:  # an answer has about 1.3 tokens a word
        keep = [i for i, x in enumerate(answers) if len(x) >= 1.3 * a.min_words]
        prompts, answers = [prompts[i] for i in keep], [answers[i] for i in keep]
    held = read_heldout(a)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    model = Model(a.model, device, dtype)
    model.recompute = a.recompute
    parameters = model.free_all() if a.all_weights else model.adapt(a.rank, a.alpha, a.seed)
    n_tokens = sum(len(p) + len(x) for p, x in zip(prompts, answers))
    say(a.run, event="start", pairs=len(prompts), tokens=n_tokens, heldout={name: len(p) for name, (p, _) in held.items()}, trained=sum(p.numel() for p in parameters),
        device=torch.cuda.get_device_name() if device == "cuda" else "cpu", options=options_of_run(a), seconds=time.monotonic() - begin)
    optimizer = torch.optim.AdamW(parameters, lr=a.lr, betas=(0.9, 0.99), weight_decay=a.weight_decay, fused=device == "cuda")
    plan = [b for epoch in range(a.epochs) for b in batches(prompts, answers, a.batch_tokens, a.seed, epoch)]
    n_steps = len(plan) // a.accumulate
    if a.max_steps:
        n_steps = min(n_steps, a.max_steps)
    warm = max(1, int(a.warmup * n_steps))
    step = 0
    state = os.path.join(a.run, "state.pt")
    if os.path.exists(state):
        s = torch.load(state, map_location=device, weights_only=True)
        if s["options"] != options_of_run(a):
            sys.exit(f"train: {state} is of a run with other options: {s['options']}; give another --run")
        with torch.no_grad():
            for p, q in zip(parameters, s["parameters"]):
                p.copy_(q)
        optimizer.load_state_dict(s["optimizer"])
        step = s["step"]
        say(a.run, event="resumed", step=step)
    else:
        say(a.run, event="heldout", step=0, **heldout_losses(model, held, a.batch_tokens, device))
    forward = torch.compile(model.losses, dynamic=True) if a.compile else model.losses
    model.train()
    started, seen, losses, last = time.monotonic(), 0, [], time.monotonic()
    every = max(1, n_steps // a.evaluations)

    def checkpoint():
        save_state(a.run, step=step, options=options_of_run(a), parameters=[p.detach() for p in parameters], optimizer=optimizer.state_dict())

    while step < n_steps:
        rate = a.lr * min(1, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * max(0, step - warm) / max(1, n_steps - warm)))
        for g in optimizer.param_groups:
            g["lr"] = rate
        group = [rectangle(prompts, answers, b, device) for b in plan[step * a.accumulate:(step + 1) * a.accumulate]]
        count = sum(len(what) for _, _, what in group)
        total = 0.0
        for ids, where, what in group:
            loss = forward(ids, where, what).sum() / count
            loss.backward()
            total = total + loss.detach()
            seen += ids.numel()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        losses.append(total)
        if step % 20 == 0 or step == n_steps:
            say(a.run, event="train", step=step, of=n_steps, loss=float(torch.stack(losses).mean()), lr=rate,
                tokens_s=seen / (time.monotonic() - started))
            losses = []
        if step % every == 0 or step == n_steps:
            say(a.run, event="heldout", step=step, **heldout_losses(model, held, a.batch_tokens, device), seconds=time.monotonic() - begin)
        if time.monotonic() - last > 60 or step == n_steps:
            checkpoint()
            last = time.monotonic()
        if a.seconds and time.monotonic() - begin > a.seconds and step < n_steps:
            checkpoint()
            say(a.run, event="stopped", step=step, of=n_steps)
            sys.exit(75)
    say(a.run, event="done", step=step, seconds=time.monotonic() - begin, **({"gib": torch.cuda.max_memory_allocated() / 2**30} if device == "cuda" else {}))


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


def export(a):
    """A standard adapter file. A goes in Q8_0, as its rows are long; B in F16, as its rows are as long as the rank."""
    s = torch.load(os.path.join(a.run, "state.pt"), map_location="cpu", weights_only=True)
    o = s["options"]
    if o["all_weights"]:
        sys.exit("train: all weights were trained; there is no adapter in that run")
    reader = gguf.Reader(a.model)
    from model import LINEAR
    names = [f"blk.{i}.{part}.weight" for i in range(reader.meta[reader.meta["general.architecture"] + ".block_count"]) for part in LINEAR]
    out = []
    for n, name in enumerate(names):
        low, high = s["parameters"][2 * n].float().numpy(), s["parameters"][2 * n + 1].float().numpy()
        out.append((name + ".lora_a", gguf.Q8_0, low.shape, gguf.quantize(low, gguf.Q8_0)))
        out.append((name + ".lora_b", gguf.F16, high.shape, gguf.quantize(high, gguf.F16)))
    meta = {"general.architecture": reader.meta["general.architecture"], "general.type": "adapter", "general.name": a.name, "general.license": a.licence,
            "adapter.type": "lora", "adapter.lora.alpha": float(o["alpha"]), "dobby.base.sha256": sha256(a.model), "dobby.merge.type": a.merge_type}
    gguf.write(a.out, meta, out)
    print(f"{a.out}: {os.path.getsize(a.out) / 1e6:.1f} MB, {len(out)} tensors, rank {o['rank']}, SHA-256 {sha256(a.out)}")


def attach(model, path):
    """The adapter of a file, as it is stored."""
    reader = gguf.Reader(path)
    alpha = reader.meta["adapter.lora.alpha"]
    for m in model.linears():
        if m.name + ".lora_a" not in reader.tensors:
            continue
        low, high = torch.from_numpy(reader.array(m.name + ".lora_a").copy()), torch.from_numpy(reader.array(m.name + ".lora_b").copy())
        m.a, m.b = torch.nn.Parameter(low.to(m.weight.device), False), torch.nn.Parameter(high.to(m.weight.device), False)
        m.scale = alpha / low.shape[0]


def merge_loss(a):
    """Held-out loss of the file alone, with the adapter apart, and merged with the sum rounded to each type."""
    dtype = torch.bfloat16 if a.device == "cuda" else torch.float32
    held = read_heldout(a)
    model = Model(a.model, a.device, dtype)
    losses = lambda: heldout_losses(model, held, a.batch_tokens, a.device)
    say(None, merged="no adapter", **losses())
    if not a.adapter:
        return
    attach(model, a.adapter)
    say(None, merged="no, apart", **losses())
    whole = [m.merged().cpu().numpy() for m in model.linears()]
    types = {v.lower(): k for k, v in gguf.NAMES.items()}
    for name in a.types.split(","):
        kind, mib = types[name], 0.0

        def rounded(w):
            k = kind if w.shape[1] % gguf.BLOCK[kind][0] == 0 else gguf.Q8_0  # as llama.cpp does for rows that do not fit
            return k, gguf.dequantize(gguf.quantize(w, k), k).reshape(w.shape)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for m, (k, w) in zip(model.linears(), pool.map(rounded, whole)):
                m.a = m.b = None
                m.weight.data = torch.from_numpy(w.copy()).to(a.device, dtype)
                mib += w.size * gguf.BLOCK[k][1] / gguf.BLOCK[k][0] / (1 << 20)
        say(None, merged=name, **losses(), mib=mib)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["train", "export", "merge-loss", "loss"])
    p.add_argument("model")
    p.add_argument("--data")
    p.add_argument("--heldout", action="append", default=[], metavar="NAME=PATTERN")
    p.add_argument("--heldout-limit", type=int, default=0)
    p.add_argument("--run")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--rank", type=int, default=16)
    p.add_argument("--alpha", type=float, default=32)
    p.add_argument("--lr", type=float, default=3e-4)
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--limit", type=int, default=0, help="train on so many pairs, drawn by --seed")
    p.add_argument("--min-words", type=int, default=0, help="leave out shorter answers")
    p.add_argument("--batch-tokens", type=int, default=16384)
    p.add_argument("--accumulate", type=int, default=2, help="batches a step")
    p.add_argument("--warmup", type=float, default=0.03)
    p.add_argument("--weight-decay", type=float, default=0.0)
    p.add_argument("--max-steps", type=int, default=0)
    p.add_argument("--seconds", type=float, default=0, help="stop with exit status 75 after so long; the same command goes on")
    p.add_argument("--evaluations", type=int, default=10)
    p.add_argument("--all-weights", action="store_true")
    p.add_argument("--recompute", action="store_true", help="less memory, a third slower")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--out")
    p.add_argument("--adapter")
    p.add_argument("--name", default="one-sentence summaries of code")
    p.add_argument("--licence", default="Apache-2.0")
    p.add_argument("--merge-type", default="Q8_0", type=str.upper, choices=MERGE_TYPES, help="what the program rounds the merged weights to; see merge-loss")
    p.add_argument("--types", default="f32,q8_0,q6_k,q5_1,q5_0,q4_1,q4_0")
    a = p.parse_args()
    {"train": train, "export": export, "merge-loss": merge_loss, "loss": merge_loss}[a.what](a)


if __name__ == "__main__":
    main()
