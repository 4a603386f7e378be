#!/usr/bin/env bash
# test_run.sh - run, tokenize and models info with the real small model, and with files that are none.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
tokens=24
[ -z "${DOBBY_TEST_SHORT:-}" ] || tokens=8

# ---- tokenize: rows of the vectors, which llama.cpp made ----
python3 - "$T" <<'PYTHON'
import json, sys
rows = [json.loads(l) for l in open("tests/data/tokenizer-smollm2-135m.jsonl", encoding="utf-8")]
plain = [r for r in rows if r.get("text") and not r["parse_special"] and not r.get("add_special") and "hf_ids" not in r]
row = max(plain, key=lambda r: len(r["ids"]))
open(sys.argv[1] + "/text", "w", encoding="utf-8", newline="").write(row["text"])
open(sys.argv[1] + "/ids", "w").write(" ".join(map(str, row["ids"])) + "\n")
PYTHON
"$DOBBY" tokenize -m fast <"$T/text" >"$T/out" 2>"$T/err"
rc=$?
judge 0 "tokenize: the longest row of the vectors"
check "  ids are those of the vectors" cmp "$T/out" "$T/ids"
printf '<|im_start|>' | "$DOBBY" tokenize -m fast >"$T/plain" 2>/dev/null
printf '<|im_start|>' | "$DOBBY" tokenize -m fast --special >"$T/special" 2>/dev/null
check "tokenize: control tokens only with --special" test "$(cat "$T/special")" = 1 -a "$(wc -w <"$T/plain")" -gt 1
expect 0 "tokenize: nothing" tokenize -m fast
check "  an empty line" test "$(cat "$T/out")" = "" -a "$(wc -c <"$T/out")" = 1

# ---- run ----
prompt='int add(int a, int b) { return'
expect 0 "run" run -m fast -p "$prompt" -n "$tokens"
expect 0 "its packed weights are kept, and intact" models verify smollm2-135m
check "  models verify says so" grep -q "its packed weights: verified" "$T/out"
expect 0 "run" run -m fast -p "$prompt" -n "$tokens"
cp "$T/out" "$T/want"
check "  it wrote something" test "$(wc -c <"$T/want")" -gt 10
check "  and nothing on stderr" test ! -s "$T/err"
printf '%s' "$prompt" | "$DOBBY" run -m "$SMOL" -n "$tokens" >"$T/out" 2>"$T/err"
rc=$?
judge 0 "run: prompt on stdin, model as a file"
check "  the same text" cmp "$T/out" "$T/want"
for o in "-t 1" "-t 2" "--chunk 3" "--chunk 64"; do
    # shellcheck disable=SC2086
    expect 0 "run $o" run -m fast -p "$prompt" -n "$tokens" $o
    check "  the same text" cmp "$T/out" "$T/want"
done
for isa in scalar avx2 avxvnni avx512vnni dotprod i8mm; do
    run run -m fast -p "$prompt" -n "$tokens" --isa $isa
    if [ $rc = 69 ]; then
        skip "run --isa $isa" "this machine lacks it"
    else
        judge 0 "run --isa $isa"
        check "  the same text" cmp "$T/out" "$T/want"
    fi
done
expect 0 "run --exact" run -m fast -p "$prompt" -n 4 --exact
expect 0 "run --kv f32" run -m fast -p "$prompt" -n 4 --kv f32
expect 0 "run --chat --stats" run -m fast --chat -p "Say hello." -n 8 --stats
says "tokens"
expect 0 "run --log json --stats" run -m fast -p x -n 2 --stats --log json
check "  each line is a JSON object" python3 -c '
import json, sys
for line in open(sys.argv[1]):
    assert json.loads(line)["message"]' "$T/err"
expect 64 "run: an empty prompt" run -m fast -p ""
silent

# ---- files that are no models ----
head -c 50000000 "$SMOL" >"$T/cut.gguf"
expect 65 "a model that was cut short" run -m "$T/cut.gguf" -p x
says "cut.gguf"
silent
head -c 10 "$SMOL" >"$T/tiny.gguf"
expect 65 "a model of ten bytes" run -m "$T/tiny.gguf" -p x
: >"$T/empty.gguf"
expect 65 "an empty model" run -m "$T/empty.gguf" -p x
head -c 100000 /dev/urandom >"$T/noise.gguf"
expect 65 "noise" run -m "$T/noise.gguf" -p x
python3 - "$SMOL" "$T/other.gguf" <<'PYTHON'
# The same file, of an architecture that has a name of the same length.
import sys
data = open(sys.argv[1], "rb").read()
head, tail = data[: 1 << 20], data[1 << 20:]
key = b"general.architecture\x08\0\0\0\x05\0\0\0\0\0\0\0llama"
assert head.count(key) == 1
open(sys.argv[2], "wb").write(head.replace(key, key[:-5] + b"bloom") + tail)
PYTHON
expect 65 "a model of another architecture" run -m "$T/other.gguf" -p x
says "bloom"
rm -f "$T/other.gguf"
expect 66 "a model that is not there" run -m "$T/none.gguf" -p x
mkdir "$T/dir.gguf"
run run -m "$T/dir.gguf" -p x
check "a directory as a model: 65 or 66" test $rc = 65 -o $rc = 66
cp "$T/tiny.gguf" "$T/secret.gguf"
chmod 000 "$T/secret.gguf"
user_run run -m "$T/secret.gguf" -p x
judge 77 "a model that may not be read"
expect 0 "models info NAME" models info fast
prints "llama"
prints "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
expect 65 "models info: a file that is none" models info "$T/noise.gguf"

# ---- the other end goes away ----
mkfifo "$T/fifo"
"$DOBBY" run -m fast -p "$prompt" -n 4000 >"$T/fifo" 2>"$T/err" &
pid=$!
head -c 5 <"$T/fifo" >/dev/null
wait $pid
rc=$?
check "stdout's reader goes away: 74 and no word" test $rc = 74 -a ! -s "$T/err"
"$DOBBY" run -m fast -p "$prompt" -n 4 >/dev/full 2>"$T/err"
rc=$?
judge 74 "stdout on a full disk"
for sig in INT TERM; do
    # Shells start background jobs with Ctrl-C ignored, which dobby respects; Python's child has it as in a terminal.
    python3 - "$DOBBY" "$sig" "$prompt" <<'PYTHON' >"$T/out" 2>"$T/err"
import signal, subprocess, sys
p = subprocess.Popen([sys.argv[1], "run", "-m", "fast", "-p", sys.argv[3], "-n", "5000"], stdout=subprocess.PIPE)
p.stdout.read(20)
p.send_signal(getattr(signal, "SIG" + sys.argv[2]))
p.stdout.read()
sys.exit(p.wait())
PYTHON
    rc=$?
    case $sig in INT) judge 130 "Ctrl-C" ;; TERM) judge 143 "TERM" ;; esac
done
finish
