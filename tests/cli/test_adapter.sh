#!/usr/bin/env bash
# test_adapter.sh - MODEL+ADAPTER: the same texts on any number of cores and instruction set, other keys, names in rows, what is
# refused, and the adapter that a folder has for a model.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
lora() { python3 "$(dirname "$0")/../support/lora.py" "$SMOL" "$@"; }
export DOBBY_CACHE=$T/cache # packed weights of these adapters are nobody else's
mkdir -p "$T/cache/models"
ln -s "$SMOL" "$T/cache/models/"
check "an adapter is made" lora "$T/some.gguf" --size 0.3
check "another" lora "$T/none+said.gguf" --size 0.3 --seed 2 --base none --merge Q4_1 --only blk.3.

# ---- run ----
prompt="def read_lines(path):"
text() { run run -p "$prompt" -n 10 "$@"; judge 0 "run $*"; cp "$T/out" "$T/text"; }
text -m smollm2-135m
cp "$T/text" "$T/plain"
text -m "smollm2-135m+$T/some.gguf" -t 1
cp "$T/text" "$T/merged"
check "  the adapter changes the text" sh -c "! cmp -s '$T/plain' '$T/merged'"
text -m "$SMOL+$T/some.gguf" -t 2 --isa scalar --chunk 3
check "  the same text on two cores, scalar, in other steps" cmp "$T/text" "$T/merged"
check "  packed weights are kept under both hashes and the type" sh -c "ls '$T/cache/packed' | grep -Ex '[0-9a-f]{64}\+[0-9a-f]{64}-Q8_0'"
text -m "smollm2-135m+$T/some.gguf" --merge-type Q5_0
check "  and under another type" sh -c "ls '$T/cache/packed' | grep -q -- '-Q5_0$'"
text -m "smollm2-135m+$T/none+said.gguf"
says "does not say which model it was made for"
check "  the type that it states is used" sh -c "ls '$T/cache/packed' | grep -q -- '-Q4_1$'"
printf '{"id":1,"prompt":"%s","max_tokens":10}\n' "$prompt" >"$T/batch.jsonl"
expect 0 "batch" batch -m "smollm2-135m+$T/some.gguf" "$T/batch.jsonl"
check "  the same text" python3 -c "
import json, sys
assert json.load(open('$T/out'))['text'] + '\n' == open('$T/merged').read()"

# ---- models ----
expect 0 "models info" models info "smollm2-135m+$T/some.gguf"
prints "rank            4"
prints "alpha           8 "
prints "420 for 210 matrices, F16:210 Q8_0:210"
prints "(this model)"
prints "merge type      Q8_0 (none is stated)"
expect 0 "models info of an adapter alone" models info "$T/none+said.gguf"
prints "merge type      Q4_1"
prints "made for        not said"
expect 0 "models verify looks at them, too" models verify smollm2-135m
prints "its packed weights: verified"

# ---- refused ----
lora "$T/other.gguf" --only blk.0. --base "$(printf '%064d' 7)"
expect 65 "another model's adapter" run -m "smollm2-135m+$T/other.gguf" -p x -n 1
says "it was made for the model with the SHA-256 000000000000..."
expect 65 "  models info says so, too" models info "smollm2-135m+$T/other.gguf"
head -c 300000 "$T/some.gguf" >"$T/cut.gguf"
expect 65 "half an adapter" run -m "smollm2-135m+$T/cut.gguf" -p x -n 1
expect 66 "none there" run -m "smollm2-135m+$T/absent.gguf" -p x -n 1
expect 66 "no such name" run -m smollm2-135m+absent -p x -n 1
says "neither a file nor the name of one"
expect 64 "nothing behind the plus" run -m smollm2-135m+ -p x -n 1
expect 64 "an adapter and --no-adapter" run -m "smollm2-135m+$T/some.gguf" --no-adapter -p x -n 1
expect 64 "a type and no adapter" run -m smollm2-135m --merge-type Q8_0 -p x -n 1
expect 64 "  summarize" summarize -m smollm2-135m --merge-type Q8_0 "$T"
expect 64 "a server and a type" run --engine http://127.0.0.1:1 --merge-type Q8_0 -p x
ln -s "$SMOL" "$T/a+b.gguf"
expect 0 "a plus in a model's name" models info "$T/a+b.gguf"
expect 0 "  and an adapter behind it" models info "$T/a+b.gguf+$T/some.gguf"
prints "(this model)"
expect 64 "tokenize has no use for one" tokenize -m "smollm2-135m+$T/some.gguf"
expect 64 "nor has models verify" models verify "smollm2-135m+$T/some.gguf"

# ---- summaries ----
tree=$T/tree
small_tree "$tree"
rm -r "$tree/src" "$tree/py" "$tree/queue.go"
sum() { run summarize --format jsonl "$@" "$tree"; judge 0 "summarize $*"; }
cat >"$T/rows.py" <<'PYTHON'
import json, sys
rows = [r for r in map(json.loads, open(sys.argv[1])) if r["source"] == "model"]
assert rows and all(r["model"] == sys.argv[2] for r in rows), [r["model"] for r in rows]
PYTHON
keys() { sed 's/.*"key":\("[0-9a-f]*"\|null\).*/\1/' "$1" | grep -v null; }
sum -m smollm2-135m --store "$T/plain.db"
cp "$T/out" "$T/plain.jsonl"
sum -m "smollm2-135m+$T/some.gguf" --store "$T/some.db"
cp "$T/out" "$T/some.jsonl"
check "  rows say which" python3 "$T/rows.py" "$T/some.jsonl" smollm2-135m+some
check "  every key is another one" sh -c "! grep -Fq \"$(keys "$T/plain.jsonl")\" '$T/some.jsonl'"
sum -m "smollm2-135m+$T/some.gguf" --store "$T/some.db" --stats
check "  a second run finds all of it" cmp "$T/out" "$T/some.jsonl"
sum -m "smollm2-135m+$T/some.gguf" --merge-type Q5_0 --store "$T/five.db"
check "  another type, other keys" sh -c "! grep -Fq \"$(keys "$T/out")\" '$T/some.jsonl'"

# ---- the folder that comes with dobby ----
mkdir -p "$T/i/bin" "$T/i/share/dobby/adapters"
cp "$DOBBY" "$T/i/bin/dobby"
here=$DOBBY
DOBBY=$T/i/bin/dobby
sum -m smollm2-135m --store "$T/i1.db"
check "an empty folder changes nothing" cmp "$T/out" "$T/plain.jsonl"
cp "$T/other.gguf" "$T/i/share/dobby/adapters/a.gguf"
sum -m smollm2-135m --store "$T/i1.db"
check "nor does an adapter for another model" cmp "$T/out" "$T/plain.jsonl"
cp "$T/some.gguf" "$T/i/share/dobby/adapters/some.gguf"
sum -m smollm2-135m --store "$T/i2.db"
check "one that is there for the model is used" cmp "$T/out" "$T/some.jsonl"
sum -m smollm2-135m+some --store "$T/i2.db"
check "  and can be named" cmp "$T/out" "$T/some.jsonl"
sum -m smollm2-135m --no-adapter --store "$T/i1.db"
check "  and turned off" cmp "$T/out" "$T/plain.jsonl"
text -m smollm2-135m
check "  and is summarize's alone" cmp "$T/text" "$T/plain"
DOBBY=$here
finish
