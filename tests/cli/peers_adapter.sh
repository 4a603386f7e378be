#!/usr/bin/env bash
# peers_adapter.sh - a model with an adapter against llama.cpp's own server with the same file (--lora), which adds B·(A·x) at each
# step and does not merge. Greedy texts, token by token: where they part for the first time, the two candidates must have been
# all but equally probable for the server, too: then rounding decides, its or ours.
# LLAMA_SERVER: another build of the server. PEER_BUILD: native or avx2.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
server=${LLAMA_SERVER:-$("$(dirname "$0")/../../bench/peers/llama-cpp" "${PEER_BUILD:-native}" llama-server 2>"$T/build")}
check "llama.cpp's server is built" test -x "$server" || { tail -n 20 "$T/build" | sed 's/^/# /'; finish; }
check "an adapter is made" python3 "$(dirname "$0")/../support/lora.py" "$SMOL" "$T/a.gguf" --size 0.3 --rank 32 --alpha 64
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
pid=
cleanup() { [ -z "$pid" ] || { kill -9 "$pid" && wait "$pid"; } 2>/dev/null; }
"$server" -m "$SMOL" --lora "$T/a.gguf" --host 127.0.0.1 --port "$port" -c 2048 -np 1 -t 2 >"$T/server.log" 2>&1 &
pid=$!
for _ in $(seq 600); do
    python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/health')" 2>/dev/null && break
    kill -0 "$pid" 2>/dev/null || { fail "the server answers" "$(tail -n 20 "$T/server.log")"; finish; }
    sleep 0.2
done

cat >"$T/prompts.py" <<'PYTHON'
import json
prompts = ["Once upon a time", "def read_lines(path):", "int main(void)\n{\n", "The capital of France is",
           "SELECT name FROM", "A list is", "To sort an array,", "import os\n\nclass Reader:\n"]
for i, p in enumerate(prompts):
    print(json.dumps({"id": i, "prompt": p, "max_tokens": 32}))
PYTHON
python3 "$T/prompts.py" >"$T/prompts.jsonl"
cat >"$T/compare.py" <<'PYTHON'
"""compare.py PORT TEXTS.jsonl LIMIT: how long the texts are equal, in tokens of the server's, and its choice where they part."""
import json, sys, urllib.request
port, limit = sys.argv[1], float(sys.argv[3])
ours = [json.loads(l)["text"] for l in open(sys.argv[2])]
prompts = [json.loads(l)["prompt"] for l in open(sys.argv[2].rsplit("/", 1)[0] + "/prompts.jsonl")]
equal = same = 0
worst = 0.0
for prompt, text in zip(prompts, ours):
    ask = {"prompt": prompt, "n_predict": 32, "temperature": 0, "n_probs": 5, "cache_prompt": False, "top_k": 1}
    q = urllib.request.Request(f"http://127.0.0.1:{port}/completion", json.dumps(ask).encode(), {"Content-Type": "application/json"})
    r = json.load(urllib.request.urlopen(q))
    at = b""
    want = text.encode()
    for t in r["completion_probabilities"]:
        nxt = at + bytes(t["bytes"])
        if not want.startswith(nxt) and len(want) > len(at):
            top = sorted(t["top_logprobs"], key=lambda c: -c["logprob"])
            mine = [c for c in top if bytes(c["bytes"]) and want[len(at):].startswith(bytes(c["bytes"]))]
            gap = top[0]["logprob"] - max(c["logprob"] for c in mine) if mine else 99
            worst = max(worst, gap)
            print(f"parts behind {len(at)} bytes of {prompt!r}: {gap:.3f} nats")
            break
        at = nxt
        equal += 1
    else:
        same += 1
print(f"{same} of {len(ours)} texts are equal, {equal} tokens; where they part at most {worst:.3f} nats")
assert worst <= limit, worst
assert same * 4 >= len(ours) and equal >= 12 * len(ours), (same, equal)
PYTHON
same() { # TYPE NATS
    expect 0 "merged as $1" batch -m "$SMOL+$T/a.gguf" --merge-type "$1" "$T/prompts.jsonl" -o "$T/texts.jsonl"
    check "  the server's texts, but where rounding decides" python3 "$T/compare.py" "$port" "$T/texts.jsonl" "$2"
    sed 's/^/# /' "$T/.check"
}
# A random adapter leaves flat probabilities. Seen against libllama of that version: at most 0.24 nats as Q8_0, where 5 of 8 texts
# were equal, 0.35 as F32 (3 of 8); without the adapter 1.33, and none equal.
same F32 0.5
same Q8_0 0.5
expect 0 "without the adapter" batch -m "$SMOL" "$T/prompts.jsonl" -o "$T/texts.jsonl"
check "  other texts: the comparison can fail" sh -c "! python3 '$T/compare.py' '$port' '$T/texts.jsonl' 0.5"
finish
