#!/usr/bin/env bash
# test_trace.sh - what a run looks like from outside, with the real small model: the trace, --stats, and what is said about units that
# a time limit left undone.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
small_tree "$T/tree"

# ---- the trace ----
cat >"$T/judge.py" <<'PYTHON'
"""judge.py TRACE UNITS AGENTS: an array of complete spans on named lanes, none of which overlaps its neighbour."""
import json, sys
events, units, agents = json.load(open(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
groups, rows, lanes = {}, {}, {}
for e in events:
    if e["ph"] == "M":
        (groups if e["name"] == "process_name" else rows)[(e["pid"], e["tid"])] = e["args"]["name"]
    if e["ph"] == "X":
        lanes.setdefault((e["pid"], e["tid"]), []).append(e)
group = {pid: name for (pid, _), name in groups.items()}
named = lambda g: {rows[lane]: spans for lane, spans in lanes.items() if group[lane[0]] == g}
for lane, spans in lanes.items():
    spans.sort(key=lambda s: s["ts"])
    assert all(s["dur"] >= 0 for s in spans)
    for a, b in zip(spans, spans[1:]): # microseconds are rounded
        assert b["ts"] >= a["ts"] + a["dur"] - 2, (group[lane[0]], rows[lane], a, b)
cores, workers, run = named("cores"), named("agents"), named("run")
assert "core 0" in cores and all(s["name"] in ("step", "team step") for c in cores.values() for s in c)
assert len(workers) == agents and "agent 1" in workers
words = [s["name"] for w in workers.values() for s in w]
assert words.count("write") >= units and words.count("read") == words.count("write") and set(words) <= {"wait", "read", "write"}
if run: # not of `dobby run`
    stages = {s["name"]: s for s in run.pop("stages")}
    assert list(stages) == ["walk", "parse", "plan", "roll up", "load", "summarize"], stages
    whole = stages["summarize"]
    inside = [s for g in (cores, workers, run) for lane in g.values() for s in lane]
    assert all(whole["ts"] - 2 <= s["ts"] and s["ts"] + s["dur"] <= whole["ts"] + whole["dur"] + 2 for s in inside)
    asked = [s for lane in run.values() for s in lane]
    assert len(run) == agents and len(asked) == words.count("write")
    assert {s["args"]["item"] for s in asked} == set(range(units)) and all(s["args"]["status"] == 0 for s in asked)
PYTHON
expect 0 "--trace" summarize -m fast --limit 7 --agents 3 --stats --trace "$T/trace.json" --format jsonl "$T/tree"
check "  lanes of cores, agents and the run, spans that fit" python3 "$T/judge.py" "$T/trace.json" 7 3
check "  nothing of the source or the prompts in it" sh -c "! grep -E 'list_|list\\.c|struct|text\\.c|sentence|Summar' '$T/trace.json'"
cp "$T/out" "$T/want.jsonl"

# ---- statistics ----
for line in 'agents 3, processors [0-9]+.*questions ([7-9]|1[0-4]): done' 'KV blocks of [0-9.]+ kB: used now 0,.*all [1-9]' \
    'steps [1-9][0-9]*, by all processors together [0-9]+, columns a step [1-9]' 'ms of a step: p50 [0-9.]+, p99' \
    'ms in the queue: p50' 'ms to the first token: p50 [1-9][0-9.]*, p95' 'ms of an agent: p50 [1-9][0-9.]*, p95'; do
    check "  --stats: $line" grep -qE "^dobby: stats: $line" "$T/err"
done
expect 0 "--stats with nothing to ask" summarize -m fast --limit 7 --stats "$T/tree"
check "  tells nothing of an engine" sh -c "! grep -q 'processors' '$T/err'"

# ---- a trace that cannot be written ----
rm -rf "$T/tree/.dobby" && mkdir "$T/tree/.dobby"
expect 74 "a trace on a full disk" summarize -m fast --limit 7 --trace /dev/full --step-ms 200 --format jsonl "$T/tree"
says "/dev/full"
check "  costs no summary, nor does --step-ms change one" cmp "$T/out" "$T/want.jsonl"
expect 73 "a trace that cannot be made" summarize -m fast --limit 7 --trace "$T/no/trace" "$T/tree"
expect 0 "run --trace" run -m fast -p 'int main' -n 4 --step-ms 100 --trace "$T/run.json"
check "  has the engine's lanes" python3 "$T/judge.py" "$T/run.json" 1 1
"$DOBBY" run -m fast -p 'int main' -n 4 --trace /dev/full >"$T/out" 2>"$T/err"
rc=$?
judge 74 "run: a trace on a full disk"
check "  the text is there" test -s "$T/out"

# ---- a time limit ----
# The scalar code reads some 15 tokens a second: no question gets through in one. A limit is looked at between steps.
rm -rf "$T/tree/.dobby" && mkdir "$T/tree/.dobby"
expect 75 "a time limit that nothing meets" summarize -m fast --limit 1 --isa scalar -t 1 --chunk 8 --time-limit 1 --format jsonl "$T/tree"
check "  no row of a unit" test "$(n_units "$T/out")" = 0
check "  the reason, how often, and which" grep -qE '^dobby: undone: +1 unit +no end after 1000 ms, the time limit.*\(py/shop.py: load_prices\)$' "$T/err"
says "1 units are left undone; run it again"
expect 0 "  the next run does it" summarize -m fast --limit 1 --format jsonl "$T/tree"
check "  to the same bytes" sh -c "head -n 2 '$T/want.jsonl' | cmp - '$T/out'"
expect 64 "--time-limit 0" summarize -m fast --time-limit 0 "$T/tree"
expect 64 "--step-ms 0" summarize -m fast --step-ms 0 "$T/tree"
finish
