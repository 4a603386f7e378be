"""model - the decoder of a GGUF file (architectures llama and qwen2) in PyTorch, with low-rank adapters.

Weights are dequantised once and then frozen. An adapter adds, per linear layer, scale * B A x: A (rank, n_in) begins at random, B (n_out, rank)
at zero. Layouts are those of the file, so that an adapter fits the file's tensors as they are; the two architectures pair the
halves of a head for the rotation differently.

Batches are rectangles padded on the right. Under causal attention no real token sees padding, nor another row: no mask is needed.
"""
import torch
import torch.nn.functional as F
import torch.utils.checkpoint

import gguf

LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def tensor(reader, name, device, dtype):
    return torch.from_numpy(reader.array(name).copy()).to(device=device, dtype=dtype)


class Linear(torch.nn.Module):
    def __init__(self, weight, bias, name):
        super().__init__()
        self.name, self.bias = name, bias
        self.weight = torch.nn.Parameter(weight, requires_grad=False)
        self.a = self.b = None
        self.scale = 0.0

    def adapt(self, rank, alpha, generator):
        n_out, n_in = self.weight.shape
        a = torch.empty(rank, n_in).uniform_(-1, 1, generator=generator) * (3 / n_in) ** 0.5
        self.a = torch.nn.Parameter(a.to(self.weight.device))
        self.b = torch.nn.Parameter(torch.zeros(n_out, rank, device=self.weight.device))
        self.scale = alpha / rank

    def forward(self, x):
        y = F.linear(x, self.weight.to(x.dtype), self.bias)
        if self.a is not None:
            y = y + F.linear(F.linear(x, self.a.to(x.dtype)), (self.b * self.scale).to(x.dtype))
        return y

    def merged(self):
        """float32 weight with the adapter in it."""
        w = self.weight.float()
        return w if self.a is None else w + self.scale * (self.b.float() @ self.a.float())


def rms(x, weight, eps):
    return F.rms_norm(x, weight.shape, weight.to(x.dtype), eps)


def rotate(x, cos, sin, halves):
    """x (B, L, heads, dim); cos, sin (L, dim / 2). halves: pairs are (i, i + dim / 2), else (2i, 2i + 1)."""
    y = x.float()
    if halves:
        u, v = y.chunk(2, -1)
        return torch.cat((u * cos - v * sin, v * cos + u * sin), -1).to(x.dtype)
    u, v = y[..., 0::2], y[..., 1::2]
    return torch.stack((u * cos - v * sin, v * cos + u * sin), -1).flatten(-2).to(x.dtype)


class Block(torch.nn.Module):
    def __init__(self, reader, i, h, device, dtype):
        super().__init__()
        self.h = h
        for part in LINEAR:
            name = f"blk.{i}.{part}"
            bias = tensor(reader, name + ".bias", device, dtype) if name + ".bias" in reader.tensors else None
            setattr(self, part, Linear(tensor(reader, name + ".weight", device, dtype), bias, name + ".weight"))
        self.attn_norm = torch.nn.Parameter(tensor(reader, f"blk.{i}.attn_norm.weight", device, torch.float32), requires_grad=False)
        self.ffn_norm = torch.nn.Parameter(tensor(reader, f"blk.{i}.ffn_norm.weight", device, torch.float32), requires_grad=False)

    def forward(self, x, cos, sin):
        h = self.h
        n, length, _ = x.shape
        y = rms(x, self.attn_norm, h["eps"])
        q = rotate(self.attn_q(y).view(n, length, h["heads"], -1), cos, sin, h["halves"])
        k = rotate(self.attn_k(y).view(n, length, h["kv_heads"], -1), cos, sin, h["halves"])
        v = self.attn_v(y).view(n, length, h["kv_heads"], -1)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        group = h["heads"] // h["kv_heads"]  # repeated here: every fast kernel takes it so
        y = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), is_causal=True)
        x = x + self.attn_output(y.transpose(1, 2).reshape(n, length, -1))
        y = rms(x, self.ffn_norm, h["eps"])
        return x + self.ffn_down(F.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Model(torch.nn.Module):
    def __init__(self, path, device="cpu", dtype=torch.float32):
        super().__init__()
        reader = gguf.Reader(path)
        arch = reader.meta["general.architecture"]
        if arch not in ("llama", "qwen2"):
            raise ValueError(f"{path}: architecture {arch}; llama and qwen2 are known here")
        get = lambda key, other=None: reader.meta.get(f"{arch}.{key}", other)
        self.arch = arch
        self.h = dict(eps=get("attention.layer_norm_rms_epsilon"), heads=get("attention.head_count"),
                      kv_heads=get("attention.head_count_kv", get("attention.head_count")), halves=arch == "qwen2")
        self.dim = get("embedding_length") // self.h["heads"]
        self.base = get("rope.freq_base", 10000.0)
        self.embed = torch.nn.Parameter(tensor(reader, "token_embd.weight", device, dtype), requires_grad=False)
        head = "output.weight" if "output.weight" in reader.tensors else None
        self.head = torch.nn.Parameter(tensor(reader, head, device, dtype), requires_grad=False) if head else self.embed
        self.norm = torch.nn.Parameter(tensor(reader, "output_norm.weight", device, torch.float32), requires_grad=False)
        self.blocks = torch.nn.ModuleList(Block(reader, i, self.h, device, dtype) for i in range(get("block_count")))
        self.dtype = dtype
        self.recompute = False

    def linears(self):
        return [m for m in self.modules() if isinstance(m, Linear)]

    def adapt(self, rank, alpha, seed):
        generator = torch.Generator().manual_seed(seed)
        for m in self.linears():
            m.adapt(rank, alpha, generator)
        return [p for m in self.linears() for p in (m.a, m.b)]

    def free_all(self):
        """Train every weight; they become float32."""
        for p in self.parameters():
            p.data = p.data.float()
            p.requires_grad_(True)
        return list(self.parameters())

    def hidden(self, ids):
        """ids (B, L) -> (B, L, width), after the last norm."""
        at = torch.arange(ids.shape[1], device=ids.device, dtype=torch.float32)
        freq = self.base ** (-torch.arange(0, self.dim, 2, device=ids.device, dtype=torch.float32) / self.dim)
        angle = at[:, None] * freq
        cos, sin = angle.cos()[:, None, :], angle.sin()[:, None, :]
        x = F.embedding(ids, self.embed).to(self.dtype)
        for block in self.blocks:
            if self.recompute and self.training:
                x = torch.utils.checkpoint.checkpoint(block, x, cos, sin, use_reentrant=False)
            else:
                x = block(x, cos, sin)
        return rms(x, self.norm, self.h["eps"])

    def losses(self, ids, where, what):
        """Negative log-probability of token what[i] after the position where[i] of ids, flattened."""
        x = self.hidden(ids).flatten(0, 1)[where]
        return F.cross_entropy(F.linear(x, self.head.to(x.dtype)).float(), what, reduction="none")


def check(path, vectors):
    """Log-probabilities as in the vectors, computed in float32."""
    import json
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Model(path, device)
    worst = 0.0
    for p in json.load(open(vectors))["prompts"]:
        with torch.no_grad():
            logp = F.log_softmax(F.linear(model.hidden(torch.tensor([p["ids"]], device=device))[0], model.head), -1).cpu()
        for at in p["oracle"]["positions"]:
            for i, value in at["top"]:
                worst = max(worst, abs(logp[at["pos"], i].item() - value))
    print(f"{'ok' if worst < 0.001 else 'not ok'} - largest difference of a log-probability: {worst:.2e}")
    return worst < 0.001


if __name__ == "__main__":
    import sys
    sys.exit(not check(sys.argv[1], sys.argv[2]))
