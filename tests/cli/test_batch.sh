#!/usr/bin/env bash
# test_batch.sh - batch with the real small model: order, the same bytes however it runs, lines that are wrong, streams and signals.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
n=16 tokens=8 ways=("--agents 1" "--agents 20" "--agents 50 -t 1" "-t 2" "--chunk 17 -t 1") kvs="q8 f32"
[ -z "${DOBBY_TEST_SHORT:-}" ] || n=6 tokens=6 ways=("--agents 20" "--chunk 17 -t 1") kvs=q8

# json FILE EXPRESSION...: each holds for `rows`, the objects of the file's lines; a line that is no JSON fails.
json() {
    python3 - "$@" <<'PYTHON'
import json, sys
def unique(pairs):
    assert len({k for k, _ in pairs}) == len(pairs), pairs
    return dict(pairs)
data = open(sys.argv[1], "rb").read()
assert data == b"" or data.endswith(b"\n"), data[-100:]
rows = [json.loads(line.decode("utf-8"), object_pairs_hook=unique) for line in data.split(b"\n")[:-1]]
for expression in sys.argv[2:]:
    assert eval(expression), (expression, rows[:8])
PYTHON
}

# ---- the same bytes ----
python3 - "$n" >"$T/in.jsonl" <<'PYTHON'
import json, sys
n = int(sys.argv[1])
for i in range(n):
    if i % 4 == 3:
        row = {"id": f"chat {i}", "messages": [{"role": "user", "content": f"Say a word about the number {i}."}]}
    else:
        row = {"id": i, "prompt": f"/* {'The same long beginning of a comment. ' * 3}*/\nint f{i}(int a, int b)\n{{\n    return"}
    if i % 5 == 2:
        row["max_tokens"] = 3 + i % 2
    print(json.dumps(row))
PYTHON
expect 0 "batch" batch -m fast -n "$tokens" "$T/in.jsonl"
cp "$T/out" "$T/want"
check "  all lines, in their order" json "$T/want" "[r['id'] for r in rows] == [f'chat {i}' if i % 4 == 3 else i for i in range($n)]"
check "  with their keys in order" json "$T/want" 'all(list(r) == ["id", "text", "tokens", "logprob", "stop"] for r in rows)'
check "  tokens, logprob and stop" json "$T/want" "all(0 <= r['tokens'] <= $tokens and r['logprob'] < 0 and r['stop'] in ('end', 'length') for r in rows)" \
    "all(r['tokens'] <= 4 for i, r in enumerate(rows) if i % 5 == 2)" "any(r['stop'] == 'length' and r['tokens'] == $tokens for r in rows)"
says "$n lines in"
for o in "${ways[@]}"; do
    # shellcheck disable=SC2086
    expect 0 "batch $o" batch -q -m fast -n "$tokens" $o "$T/in.jsonl"
    check "  the same bytes" cmp "$T/out" "$T/want"
    check "  and with -q no word" test ! -s "$T/err"
done
"$DOBBY" run -m fast -n "$tokens" -p "$(python3 -c 'import json,sys; print(json.loads(open(sys.argv[1]).readline())["prompt"])' "$T/in.jsonl")" >"$T/run"
check "run writes the text of the first line" python3 -c '
import json, sys
assert json.loads(open(sys.argv[1]).readline())["text"] + "\n" == open(sys.argv[2]).read()' "$T/want" "$T/run"
for kv in $kvs; do
    expect 0 "batch --kv $kv" batch -q -m fast -n "$tokens" --kv $kv --agents 3 "$T/in.jsonl"
    cp "$T/out" "$T/kv"
    expect 0 "batch --kv $kv, other agents and threads" batch -q -m fast -n "$tokens" --kv $kv --agents 20 -t 1 "$T/in.jsonl"
    check "  the same bytes" cmp "$T/out" "$T/kv"
done
expect 0 "batch --stats --trace" batch -m fast -n 2 --stats --trace "$T/trace.json" "$T/in.jsonl"
says "from the prefix cache"
says "ms from start to first token"
says "keys and values"
check "  the trace is JSON with spans of cores and agents" python3 -c '
import json, sys
events = json.load(open(sys.argv[1]))
assert {"cores", "agents"} <= {e["args"]["name"] for e in events if e.get("name") == "process_name"}
assert sum(e.get("ph") == "X" for e in events) > 10' "$T/trace.json"

# ---- what lines may hold ----
cat >"$T/odd.jsonl" <<'JSONL'
{"id":"first","prompt":"One, two, three, four,","max_tokens":6}
this is no JSON
{"id":1.10,"prompt":"One, two, three, four,","stop":"six"}

{"prompt":"One, two, three, four,","stop":["six","fiv"],"extra":{"a":[1]}}
{"id":"both","prompt":"a","messages":[]}
{"id":"twice","prompt":"a","prompt":"b"}
{"id":"role","messages":[{"role":"wizard","content":"a"}]}
{"id":"huge","prompt":"a","max_tokens":1000000}
{"id":"a\u0000\"b","prompt":"caf\u00e9 \ud83d\ude00 Größe","max_tokens":4}
{"id":"half","prompt":"\ud83d"}
{"id":null,"prompt":"One, two,","max_tokens":2}
JSONL
printf '{"id":"bytes","prompt":"\xff"}\n{"id":"last","prompt":"a","max_tokens":1}' >>"$T/odd.jsonl"
expect 65 "batch: wrong lines between good ones" batch -m fast -n 30 --stop seven "$T/odd.jsonl"
says "warning: line 2: byte "
check "  each in its place" json "$T/out" '[r["id"] for r in rows] == ["first", 2, 1.1, 5, "both", 7, "role", "huge", "a\0\"b", 11, 12, 13, "last"]' \
    '[r["id"] for r in rows if "error" in r] == [2, "both", 7, "role", "huge", 11, 13]' \
    'all(f"line {k}: " in r["error"] for r, k in zip((r for r in rows if "error" in r), (2, 6, 7, 8, 9, 11, 13)))'
check "  a number keeps its digits" grep -q '^{"id":1.10,"text"' "$T/out"
check "  stop strings of the line, or else of the option" json "$T/out" 'rows[2]["stop"] == "string" and rows[2]["text"].strip() == "five,"' \
    'rows[3]["stop"] == "string" and rows[3]["text"].strip() == ""' 'rows[0]["stop"] == "string" and rows[0]["text"] == " five, six, "' 'rows[8]["stop"] == "length" and rows[8]["tokens"] == 4'
printf '{"prompt":"One, two, three, four,"}\r\n' | "$DOBBY" batch -q -m fast -n 30 --stop seven - >"$T/out" 2>"$T/err"
rc=$?
judge 0 "batch: standard input, --stop, a line that ends as on Windows"
check "  cut before the stop string" json "$T/out" 'rows[0]["id"] == 1 and rows[0]["stop"] == "string" and rows[0]["text"].strip() == "five, six,"'
# What stands behind NUL is part of the prompt: if it were cut there, both would be continued in the same way.
printf '%s\n' '{"prompt":"A\u0000 One, two, three,","max_tokens":4}' '{"prompt":"A\u0000 Red, green,","max_tokens":4}' >"$T/nul.jsonl"
expect 0 "batch: NUL in prompts" batch -q -m fast "$T/nul.jsonl"
check "  does not cut them" json "$T/out" 'rows[0]["text"] != rows[1]["text"]'
printf '%s\n' '{"prompt":"\ud83d\ude00\ud83d\ude01\ud83d\ude02\ud83d","max_tokens":1}' '{"prompt":"😀😁😂","max_tokens":1}' '{"prompt":"😀😁😂","max_tokens":2}' \
    '{"prompt":"日本語は","max_tokens":1}' '{"prompt":"日本語は","max_tokens":2}' '{"prompt":"日本語は","max_tokens":3}' >"$T/cut.jsonl"
expect 65 "batch: texts that end within a character" batch -m fast "$T/cut.jsonl"
check "  are UTF-8 all the same" json "$T/out" 'any("�" in r.get("text", "") for r in rows)'
: >"$T/none.jsonl"
expect 0 "batch: an empty file" batch -m fast "$T/none.jsonl"
silent
head -c 200000 /dev/urandom >"$T/noise.jsonl"
expect 65 "batch: noise" batch -m fast "$T/noise.jsonl"
check "  an error for each line" json "$T/out" 'rows and all(list(r) == ["id", "error"] for r in rows)'
says "more failed lines; the output has them all"
python3 -c '
print("{\"id\":\"wide\",\"prompt\":\"" + "x" * (17 << 20) + "\"}")
print("{\"id\":\"deep\",\"prompt\":" + "[" * 1000000)
print("{\"id\":\"long\",\"prompt\":\"" + "word " * 20000 + "\"}")
print("{\"id\":\"good\",\"prompt\":\"a\",\"max_tokens\":1}")' >"$T/large.jsonl"
expect 65 "batch: lines that are too large" batch -m fast "$T/large.jsonl"
check "  do not stop the next one" json "$T/out" '[r["id"] for r in rows] == [1, 2, "long", "good"]' '"text" in rows[3]' \
    '"longer than 16 MB" in rows[0]["error"]' '"nested deeper" in rows[1]["error"]' '"context" in rows[2]["error"]'

# ---- time ----
printf '%s\n' '{"id":"slow","prompt":"Once upon a time","max_tokens":8000}' '{"id":"quick","prompt":"a","max_tokens":1}' >"$T/slow.jsonl"
expect 75 "batch: a time limit" batch -m fast --time-limit 1 "$T/slow.jsonl"
check "  three tries, then an error, and the others go on" json "$T/out" '"time limit" in rows[0]["error"] and "(3 tries)" in rows[0]["error"]' 'rows[1]["tokens"] == 1'

# ---- options, files ----
expect 64 "batch: no file" batch -m fast
expect 64 "batch: -n 0" batch -m fast -n 0 "$T/in.jsonl"
expect 64 "batch: an unknown option" batch --agent 3 "$T/in.jsonl"
says "did you mean --agents?"
expect 66 "batch: a file that is not there" batch -m fast "$T/nowhere.jsonl"
expect 66 "batch: a model that is not there" batch -m "$T/none.gguf" "$T/in.jsonl"
expect 74 "batch: a directory" batch -m fast "$T"
expect 73 "batch -o: a place that is not there" batch -m fast -o "$T/no/where" "$T/in.jsonl"
expect 0 "batch --help" batch --help
prints "FILE.jsonl"
cp "$T/in.jsonl" "$T/both.jsonl"
expect 0 "batch -o: over its own input" batch -q -m fast -n "$tokens" -o "$T/both.jsonl" "$T/both.jsonl"
silent
check "  the file is the result" cmp "$T/both.jsonl" "$T/want"
check "  and nothing is left beside it" test "$(find "$T" -maxdepth 1 -name '.*.dobby-*' | wc -l)" = 0
"$DOBBY" batch -m fast -n 2 "$T/in.jsonl" >/dev/full 2>"$T/err"
rc=$?
judge 74 "batch: stdout on a full disk"

# ---- pipes: results come while the input is still open, and the input is read as it is needed ----
cat >"$T/pipes.py" <<'PYTHON'
import json, os, signal, subprocess, sys
dobby, what = sys.argv[1:3]
line = lambda i, n: json.dumps({"id": i, "prompt": f"{i}, two, three,", "max_tokens": n}).encode() + b"\n"
# A job in the background has Ctrl-C ignored, which dobby respects; here it is as in a terminal.
p = subprocess.Popen([dobby, "batch", "-m", "fast", "--agents", "2", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
if what == "flush":
    for i in range(3): # each answer comes before the next question is there
        p.stdin.write(line(i, 2)); p.stdin.flush()
        assert json.loads(p.stdout.readline())["id"] == i
    p.stdin.close()
    assert p.stdout.read() == b""
    sys.exit(p.wait())
# Signals: "INT", "TERM", or "INTINT"; long answers are in flight.
for i in range(40):
    p.stdin.write(line(i, 100 if what != "INTINT" else 8000))
p.stdin.flush()
if what == "INTINT":
    import time
    time.sleep(4)
    p.send_signal(signal.SIGINT)
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    rows = []
else:
    rows = [json.loads(p.stdout.readline())]
    p.send_signal(getattr(signal, "SIG" + what))
rest = p.stdout.read()
assert rest == b"" or rest.endswith(b"\n")
rows += [json.loads(l) for l in rest.splitlines()]
ids = [r["id"] for r in rows]
assert ids == sorted(ids) and all("text" in r for r in rows) and len(ids) < 40, ids
assert what == "INTINT" or len(ids) >= 2, ids # what was at work was finished
sys.exit(p.wait())
PYTHON
pipes() { # WHAT
    python3 "$T/pipes.py" "$DOBBY" "$1" >"$T/out" 2>"$T/err"
    rc=$?
}
pipes flush
judge 0 "batch: each result is written as soon as it is there"
python3 -c '
import json
for i in range(100000): print(json.dumps({"id": i, "prompt": f"Number {i} is", "max_tokens": 2}))' >"$T/many.jsonl" 2>/dev/null
"$DOBBY" batch -q -m fast "$T/many.jsonl" 2>"$T/err" | head -n 3 >"$T/out"
rc=${PIPESTATUS[0]}
check "batch: a reader who has enough: 74 and no word" test "$rc" = 74 -a ! -s "$T/err"
check "  he got the first lines" json "$T/out" '[r["id"] for r in rows] == [0, 1, 2]'
pipes INT
judge 130 "batch: Ctrl-C finishes what is at work"
says "prompts at work will be finished"
pipes INTINT
judge 130 "batch: Ctrl-C twice"
says "leaving at once"
pipes TERM
judge 143 "batch: TERM"
# A file of results is put in place after Ctrl-C, too.
python3 - "$DOBBY" "$T/many.jsonl" "$T/some.jsonl" <<'PYTHON' >"$T/out" 2>"$T/err"
import glob, os, signal, subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "batch", "-m", "fast", "-o", sys.argv[3], sys.argv[2]],
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
pattern = os.path.join(os.path.dirname(sys.argv[3]), ".some.jsonl.dobby-*")
for _ in range(600):
    if any(os.path.getsize(f) for f in glob.glob(pattern)):
        break
    time.sleep(0.1)
p.send_signal(signal.SIGINT)
sys.exit(p.wait())
PYTHON
rc=$?
judge 130 "batch -o: Ctrl-C"
check "  keeps what was done" json "$T/some.jsonl" '0 < len(rows) < 100000 and [r["id"] for r in rows] == list(range(len(rows)))'
finish
