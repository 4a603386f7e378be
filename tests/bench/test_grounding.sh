#!/usr/bin/env bash
# test_grounding.sh - bench/grounding: identifiers that stand in the unit, in its file, nowhere.
. tests/support/tap.sh
mkdir "$work/tree"
printf '%s\n' '#include "conf_file.h"' '/* Reads things. */' 'int parse_header(const char *buf, int maxSize)' '{' '    return buf[0] == 0x7f && maxSize > 32;' '}' >"$work/tree/a.c"
row() { # SUMMARY [SOURCE]
    printf '{"path":"a.c","name":"parse_header","kind":"function","start_line":3,"end_line":6,"language":"c","summary":"%s","source":"%s"}\n' "$1" "${2:-model}"
}
{
    row 'Check with parse_header whether maxsize is above 32 and `buf` starts well.'
    row 'Read conf_file into plain words of JSON.'
    row 'Call free_all() on maxCount, 64 times, with `nothing`.'
    row 'Someone wrote freeAll here.' doc
    echo '{"path":"a.c","name":"a.c","kind":"file","start_line":null,"end_line":null,"summary":"Holds x_y.","source":"model"}'
} >"$work/rows.jsonl"
got=$(bench/grounding --list "$work/rows.jsonl" "$work/tree" 2>"$work/list")
check "counts" test "$got" = '{"summaries": 3, "identifiers": 8, "in_file_only": 1, "ungrounded": 4, "summaries_with_ungrounded": 1, "ungrounded_percent": 50.0, "summaries_with_ungrounded_percent": 33.333}'
check "lists them" test "$(awk -F': ' '{ print $3 }' "$work/list" | tr '\n' ' ')" = "free_all maxCount 64 nothing "
check "--source all takes comments, too" bash -c 'bench/grounding --source all "$0" "$1" | grep -q "\"summaries\": 4"' "$work/rows.jsonl" "$work/tree"
check "--max fails beyond it" bash -c '! bench/grounding --max 0.5 "$0" "$1"' "$work/rows.jsonl" "$work/tree"
check "and passes below" bash -c 'head -n 2 "$0" >"$0.few" && bench/grounding --max 0.5 "$0.few" "$1"' "$work/rows.jsonl" "$work/tree"
check "rows of another tree are refused" bash -c '! bench/grounding "$0" /nowhere 2>"$1" && grep -q "give the tree" "$1"' "$work/rows.jsonl" "$work/err"
done_testing
