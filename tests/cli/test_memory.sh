#!/usr/bin/env bash
# test_memory.sh - `--memory` is a bound on the whole process tree: sampled from outside (tests/support/pss.py) while units
# of every size arrive; too little is refused with the smallest that works, and that works; and what many agents cost.
. "$(dirname "$0")/lib.sh"

if [ -n "${SAN:-}" ]; then
    skip "memory of a run" "a sanitizer's own memory is many times the program's"
    finish
fi
check "the test model is in the cache" test -f "$SMOL" || finish
PSS=$(dirname "$0")/../support/pss.py
MIB=1048576
model_size=$(stat -c %s "$SMOL")

# sampled STATUS WHAT ARGUMENT...: run under the sampler, compare the exit status; the numbers are in $T/pss.
sampled() {
    local want=$1 what=$2
    shift 2
    python3 "$PSS" "$T/pss" "$DOBBY" "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
    if [ $rc = "$want" ]; then pass "$what"; else fail "$what" "status $rc, not $want: $(cat "$T/err")"; fi
}
peak() { awk '$1 == "peak" { print $2 }' "$T/pss"; }
# The number before an M at the end of "the smallest that works is 123M".
smallest() { sed -n 's/.*the smallest that works is \([0-9]*\)M.*/\1/p' "$T/err"; }
# within BYTES WHAT: the sampler saw something, and never more than that.
within() {
    local most
    most=$(peak)
    if [ "${most:-0}" -gt 1000000 ] && [ "$most" -le "$1" ]; then
        pass "$2 ($((most / 1000000)) MB of $(($1 / 1000000)))"
    else
        fail "$2" "peak ${most:-unknown}, bound $1; $(cat "$T/pss" "$T/err")"
    fi
}

# ---- units of every size: one line to beyond what a prompt shows, in files small and of 250 KB ----
mkdir -p "$T/sizes/.git" "$T/huge/.git" "$T/many/.git"
python3 - "$T" <<'PYTHON'
import sys
T = sys.argv[1]
def function(name, lines):
    body = "    total += *weights++ * *values++;\n" * lines
    return f"long {name}(const int *weights, const int *values, long total)\n{{\n{body}    return total;\n}}\n\n"
with open(f"{T}/sizes/a.c", "w") as f:
    f.write("int one(void) { return 1; }\n\n" + "".join(function(f"sum{n}", n) for n in (1, 4, 60, 2, 20)))
with open(f"{T}/sizes/b.c", "w") as f:
    f.write(function("large", 5500) + function("small", 3))
with open(f"{T}/huge/a.c", "w") as f:
    f.write(function("huge", 100000) + "\nint last(void) { return 1; }\n")
with open(f"{T}/huge/b.c", "w") as f:
    f.write("int after(int a)\n{\n    return a + 1;\n}\n")
with open(f"{T}/many/a.c", "w") as f:
    f.write("".join(f"int step{i}(int n)\n{{\n    return n * {i} + {i * i};\n}}\n\n" for i in range(60)))
PYTHON
size=$(stat -c %s "$T/sizes/b.c")
check "the larger file is just below 256 KB" test "$size" -gt 200000 -a "$size" -lt 262144

sampled 65 "20M: too little to read a tree" summarize -m fast --no-docs --memory 20M "$T/sizes"
reading=$(smallest)
check "  and it says what would do" test "${reading:-0}" -gt 20
sampled 0 "that much reads it" summarize --dry-run --memory "${reading}M" "$T/sizes"
within $((reading * MIB)) "  and stays within"

sampled 65 "100M: too little for the model" summarize -m fast --no-docs --memory 100M "$T/sizes"
within $((100 * MIB)) "  and it is refused before the memory is taken"
least=$(smallest)
check "  it says what would do" test "${least:-0}" -gt 100
sampled 0 "that much does the work" summarize -m fast --no-docs --format jsonl --memory "${least}M" "$T/sizes"
within $((least * MIB)) "  and stays within"
says "memory: agents: 1 instead of 10"
cp "$T/out" "$T/want.jsonl"
check "  eight summaries" test "$(n_units "$T/out")" = 8
rm -rf "$T/sizes/.dobby"
sampled 0 "a little more, for a few agents" summarize -m fast --no-docs --format jsonl --memory $((least + 40))M --agents 8 "$T/sizes"
within $(((least + 40) * MIB)) "  stays within"
check "  the same bytes" cmp "$T/out" "$T/want.jsonl"

# ---- parsers: the largest file that is taken ----
size=$(stat -c %s "$T/huge/a.c")
check "a file of nearly 4 MB" test "$size" -gt 3500000 -a "$size" -lt 4194304
sampled 0 "a parser that lacks the memory for it" summarize --dry-run --json --memory 100M "$T/huge"
within $((100 * MIB)) "  stays within"
check "  gives that file up, and cuts it into chunks" grep -q '"a.c".*"units":\[{[^}]*"kind":"chunk".*"note":"parser ran out of memory"' "$T/out"
check "  and no other" grep -q '"b.c".*"after"' "$T/out"

# ---- what agents cost: weights once, keys and values by arithmetic, and 120 MB ----
# 23,040 bytes a token; 420 tokens that all begin with, and at most 120 of each agent's own.
for agents in 1 10 20 50; do
    rm -rf "$T/many/.dobby"
    sampled 0 "$agents agents" summarize -m fast --no-docs --limit "$agents" --agents "$agents" "$T/many"
    within $((model_size * 105 / 100 + 23040 * (420 + 120 * agents) + 120000000)) "  the bound"
done

# ---- run ----
sampled 65 "run with too little" run -m fast -p "int main(void)" -n 8 --memory 64M
within $((64 * MIB)) "  and it is refused before the memory is taken"
least=$(smallest)
sampled 0 "with what it says" run -m fast -p "int main(void)" -n 8 --memory "${least:-1}M"
within $((least * MIB)) "  it stays within"

# ---- batch ----
for i in 1 2 3 4 5 6; do echo "{\"prompt\": \"int f$i(void)\", \"max_tokens\": 6}"; done >"$T/lines.jsonl"
sampled 65 "batch with too little" batch -m fast --memory 64M "$T/lines.jsonl"
least=$(smallest)
sampled 0 "with what it says" batch -m fast --memory "${least:-1}M" "$T/lines.jsonl"
within $((least * MIB)) "  it stays within"
says "memory: agents: 1 of 10, lines of 2048 tokens at most"
check "  all lines" test "$(wc -l <"$T/out")" = 6
expect 64 "a bound that is none" run -m fast -p x --memory none
says "or auto"
finish
