#!/usr/bin/env bash
# test_scripts.sh - bench/job and bench/metrics: rows as they are promised, a page that follows from the rows.
. tests/support/tap.sh
bench=$PWD/$BUILD/dobby-bench
case $BUILD in /*) bench=$BUILD/dobby-bench ;; esac
export DOBBY_BENCH=$bench

check "docs/metrics.md is what bench/metrics makes of bench/results" bash -c 'cmp <(bench/metrics) docs/metrics.md'

# ---- bench/job -------------------------------------------------------------------------------------------------
bench/job --models smollm2-135m --cases prefix >"$work/job.csv" 2>"$work/err"
check "bench/job runs" test $? = 0
check "13 fields in every row, the machine at both ends" \
    awk -F, 'NF != 13 { exit 1 } { last = $6 } NR == 2 && $6 != "machine" { exit 1 } END { exit last != "machine" }' "$work/job.csv"
check "the rows of dobby-bench carry model and program" \
    grep -qE ',SmolLM2-135M-Instruct.Q4_1.gguf,dobby,prefix,10,2,prefix_777_over_ideal,0,1\.0[01][0-9]*,ratio$' "$work/job.csv"
check "a model that is not there is refused with what to do" \
    bash -c '! bench/job --models nonsense --cases prefix >/dev/null 2>"$0" && grep -q "dobby models pull nonsense" "$0"' "$work/err"

check "a case that there is not is refused" bash -c '! bench/job --cases nonsense >/dev/null 2>"$0" && grep -q nonsense "$0"' "$work/err"

# ---- bench/metrics ---------------------------------------------------------------------------------------------
mkdir "$work/results"
# rows FILE DATE FUNCTIONS PSS: a file with three rounds and a memory case
rows() {
    local head="$2,abc,cpu,gcc,SmolLM2-135M-Instruct.Q4_1.gguf"
    {
        echo date,commit,machine,compiler,model,program,settings,agents,threads,case,round,value,unit
        for f in $3; do
            echo "$head,dobby,,10,2,functions,0,$f,1/s"
            echo "$head,dobby,beside,10,2,functions,0,$f,1/s"
        done
        echo "$head,dobby,,10,2,efficiency,0,0.9,ratio"
        echo "$head,llama-server,-fa on,10,2,functions,0,2,1/s"
        echo "$head,dobby,watched,10,2,peak_pss,0,$4,B"
        echo "$head,dobby,watched,10,2,kv_peak,0,30000000,B"
    } >"$work/results/$1"
}
rows 2026-01-01-job-a.csv 2026-01-01 "9 9 9" 1
rows 2026-01-02-job-a.csv 2026-01-02 "3 5 4" 200000000
bench/metrics "$work/results" >"$work/page"
check "the newest file of a machine counts" bash -c 'grep -q 2026-01-02 "$0" && ! grep -q 2026-01-01 "$0"' "$work/page"
check "median, and the range behind" grep -qF '| 10 on 2 | 4 (3 to 5) | 0.9 |' "$work/page"
check "ratio to the rival" grep -qF '`-fa on` | 2 | 2 |' "$work/page"
check "memory within its bound" grep -qF '| dobby-bench job, 10 agents | 200 | 30 | 253 | holds |' "$work/page"
rows 2026-01-03-job-a.csv 2026-01-03 "3 5 4" 254000000
bench/metrics "$work/results" >"$work/page"
check "memory beyond it" grep -qF '| dobby-bench job, 10 agents | 254 | 30 | 253 | does not hold |' "$work/page"
check "every table names its command" \
    bash -c 'test "$(grep -c "^### " "$0")" = "$(grep -c "^Again: " "$0")" && grep -q -- "--cases memory" "$0"' "$work/page"
head -n 1 "$work/results/2026-01-03-job-a.csv" >"$work/results/2026-01-04-job-a.csv"
check "a file without rows is refused" bash -c '! bench/metrics "$0" >/dev/null 2>"$1" && grep -q 2026-01-04 "$1"' "$work/results" "$work/err"
done_testing
