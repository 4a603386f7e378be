#!/usr/bin/env bash
# test_bench.sh - dobby-bench: what it measures is what is there.
. tests/support/tap.sh
bench=$PWD/$BUILD/dobby-bench
case $BUILD in /*) bench=$BUILD/dobby-bench ;; esac
cache=${DOBBY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dobby}
smol=$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf

# ---- handing over -----------------------------------------------------------------------------------------
check "dobby bench runs the program beside it" bash -c '"$0" bench --help | grep -q "^usage: dobby bench"' "$DOBBY"
mkdir -p "$work/opt/bin" "$work/opt/libexec"
cp "$DOBBY" "$work/opt/bin/dobby"
check "without it: 66 and what to do" bash -c '"$0" bench job 2>"$1"; test $? = 66 && grep -q "make bench" "$1"' "$work/opt/bin/dobby" "$work/err"
cp "$bench" "$work/opt/libexec/dobby-bench"
check "installed: the one in libexec" "$work/opt/bin/dobby" bench --help
check "arguments and exit status pass through" status 64 "$work/opt/bin/dobby" bench nonsense

# ---- watch ------------------------------------------------------------------------------------------------
peak() { sed -n 's/^peak_pss,\(.*\),B$/\1/p' "$1"; }
between() { awk -v x="$1" -v a="$2" -v b="$3" 'BEGIN { if (x >= a && x <= b) exit 0; print x " is not between " a " and " b; exit 1 }'; }
hog='import mmap, sys, time
m = mmap.mmap(-1, int(sys.argv[1]) << 20)
for i in range(0, len(m), 4096): m[i] = 1
time.sleep(0.5)'
"$bench" watch -o "$work/none" -- python3 -c "$hog" 1
"$bench" watch -o "$work/one" -- python3 -c "$hog" 101
base=$(peak "$work/none")
check "watch sees 100 MiB more" between "$(($(peak "$work/one") - base))" 100000000 110000000
"$bench" watch -o "$work/two" -- sh -c 'python3 -c "$0" 101 & (python3 -c "$0" 101); wait' "$hog"
check "of children and their children too, added up" between "$(peak "$work/two")" 210000000 400000000
check "its exit status is the command's" status 7 "$bench" watch -o "$work/x" -- sh -c 'exit 7'
check "a command that is not there: 66" status 66 "$bench" watch -- "$work/nothing"
check "no command: 64" status 64 "$bench" watch

# ---- prompts --------------------------------------------------------------------------------------------------
mkdir -p "$work/tree/.dobby"
for i in 1 2 3 4 5 6; do
    printf 'int f%d(int a)\n{\n    return a * %d + 1;\n}\n\nint g%d(int a, int b)\n{\n    return f%d(a) - b;\n}\n' $i $i $i $i
done >"$work/tree/f.c"
"$bench" prompts "$work/tree" >"$work/all.jsonl"
check "a prompt for each function" test "$(wc -l <"$work/all.jsonl")" = 12
"$bench" prompts -n 5 "$work/tree" >"$work/five.jsonl"
check "-n 5 gives five of them" bash -c 'test $(wc -l <"$0") = 5 && test -z "$(grep -vxFf "$1" "$0")"' "$work/five.jsonl" "$work/all.jsonl"
check "in the words of dobby summarize: the code, and no path but in the id" \
    bash -c 'python3 -c "
import json, sys
for line in open(sys.argv[1]):
    p = json.loads(line)
    name = p[\"id\"].split(\":\")[-1]
    assert p[\"messages\"][0][\"role\"] == \"system\" and name in p[\"messages\"][-1][\"content\"], p
    assert \"f.c\" not in json.dumps(p[\"messages\"]), p
" "$0"' "$work/all.jsonl"
printf '{"id":"a"}\n' >"$work/bad.jsonl"
check "a line without messages is refused with its number" \
    bash -c '"$0" ids "$1" "$2" 2>"$3"; test $? = 65 && grep -q "line 1" "$3"' "$bench" "$smol" "$work/bad.jsonl" "$work/err"

# ---- copies ---------------------------------------------------------------------------------------------------
mkdir -p "$work/said/.dobby"
cat >"$work/said/f.c" <<'EOF'
/* Count the sheep in a herd. */
int sheep(const struct herd *h)
{
    return h->count;
}

/* Paint every fence in green colour. */
void paint(struct fence *f)
{
    f->colour = GREEN;
}
EOF
"$bench" copies "$work/said" >"$work/copies.csv"
check "copies: both authors' sentences are accepted" grep -q ',own,2,accepted,2$' "$work/copies.csv"
check "copies: neither neighbour's" grep -q ',copied,2,copied,2$' "$work/copies.csv"

# ---- the job ----------------------------------------------------------------------------------------------------
# value CASE AGENTS FILE
value() { awk -F, -v c="$1" -v a="$2" '$3 == c && $1 == a { print $5 }' "$3"; }
"$bench" job "$smol" "$work/all.jsonl" -n 6 -a 1,4 -t 2 -o "$work/whole" >"$work/job.csv" 2>"$work/err"
check "the job runs" test $? = 0
check "the same texts with 1 agent and with 4" test "$(value texts 1 "$work/job.csv")" = "$(value texts 4 "$work/job.csv")"
for a in 1 4; do
    check "$a agents: everything needed is computed, and little more" \
        between "$(value tokens_computed $a "$work/job.csv")" "$(value tokens_needed $a "$work/job.csv")" \
        "$(($(value tokens_needed $a "$work/job.csv") * 102 / 100))"
    check "$a agents: bound over time is the efficiency" bash -c 'awk -v b="$0" -v w="$1" -v e="$2" "BEGIN { exit !(e > 0 && (b / w - e) ^ 2 < 1e-6) }"' \
        "$(value bound $a "$work/job.csv")" "$(value wall $a "$work/job.csv")" "$(value efficiency $a "$work/job.csv")"
done
for i in 1 2 3; do
    "$bench" job "$smol" "$work/all.jsonl" -n 6 -a 4 -t 2 --no-probe --slice $i/3 -o "$work/slice$i" >/dev/null 2>&1
done
check "three slices are the whole, text by text" \
    bash -c 'cmp <(sort "$0") <(cat "$1"1 "$1"2 "$1"3 | sort)' "$work/whole" "$work/slice"
check "--no-probe has no efficiency" \
    bash -c '"$0" job "$1" "$2" -n 1 --limit 1 --no-probe | grep -c efficiency | grep -qx 0' "$bench" "$smol" "$work/all.jsonl"
check "a slice that is none: 64" status 64 "$bench" job "$smol" "$work/all.jsonl" --slice 4/3

# ---- kernels ----------------------------------------------------------------------------------------------------
"$bench" kernels --types Q4_1,attention-q8 --columns 1,3 -r 1 >"$work/kernels.csv" 2>"$work/err"
check "kernels runs" test $? = 0
check "a row for each shape and number of columns, for each group and number of queries" \
    bash -c 'test "$(grep -c ",Q4_1," "$0")" = 14 && test "$(grep -c ",attention-q8," "$0")" = 6 && test "$(wc -l <"$0")" = 21' "$work/kernels.csv"
check "every rate is a number above 0" \
    bash -c 'awk -F, "NR > 1 && !(\$6 > 0 && \$9 > 0) { bad = 1 } END { exit bad }" "$0"' "$work/kernels.csv"
check "an instruction set that is none: 64" status 64 "$bench" kernels --isa nothing
check "a type that is none: 64" status 64 "$bench" kernels --types Q4_1,Q9_9

# ---- quality ----------------------------------------------------------------------------------------------------
"$bench" quality "$smol" "$work/all.jsonl" -t 2 --limit 2 >"$work/quality.csv" 2>"$work/err"
check "8-bit keys and values differ from f16, and not by much" between "$(value kv_q8_kl_mean 1 "$work/quality.csv")" 1e-9 0.05
check "of all places of two answers" between "$(value kv_q8_places 1 "$work/quality.csv")" 4 98

# ---- prefix, machine --------------------------------------------------------------------------------------------
"$bench" prefix "$smol" -a 4 -t 2 --shared 101 >"$work/prefix.csv"
check "four cold starts read their beginning once" between "$(value prefix_101_over_ideal 4 "$work/prefix.csv")" 1 1.02
check "asked is four times all of it" test "$(value prefix_101_asked 4 "$work/prefix.csv")" = 804
check "the machine is described in JSON" bash -c '"$0" machine | python3 -c "
import json, sys
m = json.load(sys.stdin)
assert m[\"cpu\"] and m[\"isa\"] and m[\"threads\"] >= 1 and m[\"memory_read_gb_s\"] > 0, m"' "$bench"
done_testing
