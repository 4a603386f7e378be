#!/usr/bin/env bash
# peers_remote.sh - an engine by URL against llama.cpp's own server, from its Python source package (bench/peers/llama-cpp builds
# it, which takes minutes once). Texts are the server's: that they equal ours is not demanded.
# LLAMA_SERVER: another build of the server. PEER_BUILD: native or avx2.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
server=${LLAMA_SERVER:-$("$(dirname "$0")/../../bench/peers/llama-cpp" "${PEER_BUILD:-native}" llama-server 2>"$T/build")}
check "llama.cpp's server is built" test -x "$server" || { tail -n 20 "$T/build" | sed 's/^/# /'; finish; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
name=${SMOL##*/}
pid=
stop_server() { [ -z "$pid" ] || { kill -9 "$pid" && wait "$pid"; } 2>/dev/null; pid=; }
cleanup() { stop_server; }
start_server() { # ARGUMENT...: two slots of 2048 tokens
    "$server" -m "$SMOL" --host 127.0.0.1 --port "$port" -c 4096 -np 2 -t 1 --no-context-shift "$@" >"$T/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 600); do
        python3 -c "import urllib.request; urllib.request.urlopen('$url/health')" 2>/dev/null && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    fail "the server answers" "$(tail -n 20 "$T/server.log")"
    finish
}
sum() { run summarize --engine "$url" --agents 2 "$@"; }

# ---- single completions ----
start_server
expect 0 "run" run --engine "$url" -p "Once upon a time" -n 12 --stats
check "  prints a text" test -s "$T/out"
says "prompt tokens"
expect 0 "run --chat" run --engine "$url" --chat -p "Say hello." -n 12
check "  prints a text" test -s "$T/out"
head -c 60000 /dev/zero | sed 's/\x0/word /g' >"$T/long"
"$DOBBY" run --engine "$url" -n 4 <"$T/long" >"$T/out" 2>"$T/err"
rc=$?
judge 65 "a prompt beyond the server's context"
silent

# ---- summaries ----
tree=$T/tree
small_tree "$tree"
sum --limit 4 --format jsonl -o "$T/four.jsonl" --stats "$tree"
judge 0 "summarize"
says "4 done now"
cat >"$T/rows.py" <<'PYTHON'
import json, sys
rows = [r for r in map(json.loads, open(sys.argv[1])) if r["start_line"]]  # those that a model wrote
assert len(rows) == int(sys.argv[3]), len(rows)
for r in rows:
    assert r["source"] in ("remote", "signature") and r["model"] == sys.argv[2] and r["summary"], r
    assert (r["source"] == "remote") == (r["confidence"] is not None), r
    assert r["confidence"] is None or 0 < r["confidence"] <= 1, r
    assert len(r["key"]) == 64, r
assert any(r["source"] == "remote" for r in rows)
PYTHON
check "  rows are the server's, with the model's name and a confidence" python3 "$T/rows.py" "$T/four.jsonl" "$name" 4
check "  no path of the model" sh -c "! grep -q '${SMOL%/*}' '$T/four.jsonl'"

# ---- the server dies in the middle, and comes again ----
"$DOBBY" summarize --engine "$url" --agents 2 --format jsonl "$tree" >"$T/out" 2>"$T/err" &
job=$!
for _ in $(seq 1200); do
    n=$("$DOBBY" status "$tree" 2>/dev/null | sed -n 's/^summaries: *\([0-9]*\).*/\1/p')
    [ "${n:-0}" -lt 6 ] || break
    sleep 0.1
done
stop_server
wait $job
rc=$?
judge 75 "the server is killed midway"
says "run it again"
check "  what was done is kept, the rest is left ($n of 20 before)" test "${n:-0}" -ge 6 -a "$(wc -l <"$T/out")" -lt 20
cp "$T/out" "$T/half.jsonl"
expect 69 "  nobody answers" summarize --engine "$url" "$tree"
start_server --api-key sk-peer
expect 77 "a server that wants a key" run --engine "$url" -p x -n 2
printf 'sk-peer\n' >"$T/key"
sum --api-key-file "$T/key" --format jsonl "$tree"
judge 0 "the next run goes on"
cp "$T/out" "$T/all.jsonl"
check "  to the end" python3 "$T/rows.py" "$T/all.jsonl" "$name" 23
check "  what was done is as it was" sh -c "! grep -v '\"start_line\":null' '$T/half.jsonl' | grep -vxFf '$T/all.jsonl'"
stop_server
expect 0 "with the name given, no server is needed any more" summarize --engine "$url" -m "$name" --format jsonl "$tree"
check "  the same bytes" cmp "$T/out" "$T/all.jsonl"
finish
