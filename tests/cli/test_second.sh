#!/usr/bin/env bash
# test_second.sh - summarize --second: what the first model leaves refused or doubtful is asked once more of a second one. The test
# model is both, once by another name, so that its texts are the same and only who was asked differs; what a second model's
# word is worth is in tests/pipeline/test_tree.c.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
tree=$T/tree
small_tree "$tree"
rm -r "$tree/src" "$tree/queue.go"
ln -s "$SMOL" "$T/larger.gguf"
sum() { run summarize -m fast --format jsonl "$@" "$tree"; }

sum --store "$T/one.db"
judge 0 "one model"
cp "$T/out" "$T/one.jsonl"
sum --store "$T/two.db" --second "$T/larger.gguf" --agents 10 --stats
judge 0 "two models"
cp "$T/out" "$T/two.jsonl"
said=$(grep -o 'units asked about [0-9]*, with its text now [0-9]*' "$T/err")
check "  it says how many went on" grep -qE '0 left; [0-9]+ went on to the second model' "$T/err"
check "  texts are the same, keys are not, and the doubtful ones went on" python3 - "$T/one.jsonl" "$T/two.jsonl" "$said" <<'PYTHON'
import json, sys
one, two = ([json.loads(l) for l in open(p)] for p in sys.argv[1:3])
assert len(one) == len(two)
went = new = 0
for a, b in zip(one, two):
    assert a["summary"] == b["summary"] and a["source"] == b["source"] and a["label"] == b["label"], (a, b)
    if not a["key"]:
        continue
    assert a["key"] != b["key"]
    on = a["label"] == "low" or a["source"] == "signature"
    went += on
    new += b["model"] == "larger.gguf"
    assert b["model"] == ("larger.gguf" if a["label"] == "low" else a["model"]), b
assert went >= new > 0, (went, new)
assert sys.argv[3] == f"units asked about {went}, with its text now {new}", (sys.argv[3], went, new)
PYTHON
sum --store "$T/two.db" --second "$T/larger.gguf" --stats
judge 0 "again"
check "  the same bytes" cmp "$T/out" "$T/two.jsonl"
says "written 0"
sum --store "$T/single.db" --second "$T/larger.gguf" --agents 1
judge 0 "one agent"
check "  the same bytes" cmp "$T/out" "$T/two.jsonl"

# ---- ended in the second pass ----
"$DOBBY" summarize -m fast --second "$T/larger.gguf" --store "$T/killed.db" --agents 1 --log-level info --format jsonl "$tree" >"$T/none" 2>"$T/killed" &
pid=$!
for ((i = 0; i < 1200; i++)); do
    ! grep -q 'units go on to' "$T/killed" || break
    sleep 0.05
done
kill -9 $pid
{ wait $pid; } 2>/dev/null
check "killed when units had gone on" test $? = 137 -a ! -s "$T/none"
sum --store "$T/killed.db" --second "$T/larger.gguf"
judge 0 "  the next run goes on"
check "  to the same bytes" cmp "$T/out" "$T/two.jsonl"

# ---- what does not fit together ----
expect 64 "--second with a server" summarize --engine http://127.0.0.1:1 --second fast "$tree"
says "--second"
expect 66 "a second model that is not there" summarize -m fast --second "$T/none.gguf" --store "$T/bad.db" "$tree"
says "none.gguf"
printf 'no model' >"$T/bad.gguf"
expect 65 "a second model that is none, told before the work" summarize -m fast --second "$T/bad.gguf" --store "$T/bad.db" "$tree"
check "  nothing was kept" test "$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM summaries").fetchone()[0])' "$T/bad.db")" = 0
expect 64 "an adapter with --no-adapter" summarize -m fast --second "$SMOL+$T/bad.gguf" --no-adapter "$tree"
finish
