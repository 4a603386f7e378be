# lib.sh - sourced by the shell tests: TAP lines, a scratch directory, and running the program with its streams kept.
# shellcheck shell=bash
set -u
export LC_ALL=C
: "${DOBBY:?set DOBBY to the program under test}"
T=$(mktemp -d "${TMPDIR:-/tmp}/dobby-test-XXXXXX") || exit 1
trap 'cleanup; chmod -R u+rwX "$T" 2>/dev/null; rm -rf "$T"' EXIT
cleanup() { :; } # a test may replace it
n_tests=0 n_bad=0
unset DOBBY_MODEL DOBBY_API_KEY NO_COLOR
CACHE=${DOBBY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dobby}
# shellcheck disable=SC2034
SMOL=$CACHE/models/SmolLM2-135M-Instruct.Q4_1.gguf

pass() { n_tests=$((n_tests + 1)); echo "ok $n_tests - $1"; }
fail() { # WHAT [DETAIL]
    n_tests=$((n_tests + 1)) n_bad=$((n_bad + 1))
    echo "not ok $n_tests - $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 20 | sed 's/^/#   /'
}
skip() { n_tests=$((n_tests + 1)); echo "ok $n_tests - $1 # SKIP $2"; }
check() { # WHAT COMMAND...: passes if the command succeeds
    local what=$1
    shift
    if "$@" >"$T/.check" 2>&1; then pass "$what"; else fail "$what" "$* -> $?; $(cat "$T/.check")"; fi
}
finish() { echo "1..$n_tests"; [ "$n_bad" = 0 ]; exit; }

# run ARGUMENT...: the program, its exit status in rc, its streams in $T/out and $T/err.
run() {
    "$DOBBY" "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}
# expect STATUS WHAT ARGUMENT...: run, and compare the exit status. An error must leave stdout empty and be one line
# of the form "dobby: ...".
expect() {
    local want=$1 what=$2
    shift 2
    run "$@"
    judge "$want" "$what"
}
judge() { # STATUS WHAT: of what run left
    local last
    last=$(tail -n 1 "$T/err")
    if [ "$rc" != "$1" ]; then
        fail "$2" "exit status $rc, not $1; stderr: $(head -c 2000 "$T/err")"
    elif [ "$1" -ge 64 ] && [ "$1" -lt 128 ] && [ "$1" != 75 ] && [ "${last#dobby: }" = "$last" ]; then
        fail "$2" "no error line; stderr: $(head -c 2000 "$T/err")"
    elif grep -qE 'AddressSanitizer|runtime error|ThreadSanitizer|Assertion' "$T/err"; then
        fail "$2" "$(head -c 4000 "$T/err")"
    else
        pass "$2"
    fi
}
says() { # TEXT: the last run's stderr holds it
    if grep -qF -- "$1" "$T/err"; then pass "  says: $1"; else fail "  says: $1" "$(head -c 2000 "$T/err")"; fi
}
prints() { # TEXT: the last run's stdout holds it
    if grep -qF -- "$1" "$T/out"; then pass "  prints: $1"; else fail "  prints: $1" "$(head -c 2000 "$T/out")"; fi
}
silent() { # the last run's stdout is empty
    if [ -s "$T/out" ]; then fail "  nothing on stdout" "$(head -c 500 "$T/out")"; else pass "  nothing on stdout"; fi
}
n_units() { grep -vc '"start_line":null' "$1"; } # FILE: JSON lines of units, those of files and directories not counted
is_root() { [ "$(id -u)" = 0 ]; }
# user_run ARGUMENT...: like run, without root's right to read and write everything. The program is copied, because
# the build folder may lie where only its owner can go.
user_run() {
    local drop=()
    if is_root; then
        drop=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
        chmod 755 "$T"
    fi
    [ -x "$T/dobby" ] || cp "$DOBBY" "$T/dobby"
    "${drop[@]}" "$T/dobby" "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}
# small_tree DIR: 20 short functions and three types in four languages, none of them documented well.
small_tree() {
    mkdir -p "$1/src" "$1/py"
    cat >"$1/src/list.c" <<'C'
#include <stdlib.h>

struct node { int value; struct node *next; };

struct node *list_push(struct node *head, int value)
{
    struct node *n = malloc(sizeof(*n));
    if (!n)
        return NULL;
    n->value = value;
    n->next = head;
    return n;
}

int list_sum(const struct node *head)
{
    int sum = 0;
    for (; head; head = head->next)
        sum += head->value;
    return sum;
}

void list_free(struct node *head)
{
    while (head) {
        struct node *next = head->next;
        free(head);
        head = next;
    }
}

int list_max(const struct node *head, int otherwise)
{
    int best = otherwise;
    for (; head; head = head->next)
        if (head->value > best)
            best = head->value;
    return best;
}

static unsigned hash_bytes(const unsigned char *p, unsigned long n)
{
    unsigned h = 2166136261u;
    while (n--)
        h = (h ^ *p++) * 16777619u;
    return h;
}
C
    cat >"$1/src/text.c" <<'C'
#include <ctype.h>
#include <string.h>

int count_words(const char *s)
{
    int n = 0, in = 0;
    for (; *s; s++) {
        if (isspace((unsigned char)*s))
            in = 0;
        else if (!in)
            in = 1, n++;
    }
    return n;
}

void reverse(char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n / 2; i++) {
        char c = s[i];
        s[i] = s[n - 1 - i];
        s[n - 1 - i] = c;
    }
}

int is_palindrome(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n / 2; i++)
        if (s[i] != s[n - 1 - i])
            return 0;
    return 1;
}

int parse_digit(char c)
{
    if (c < '0' || c > '9')
        return -1;
    return c - '0';
}
C
    cat >"$1/py/shop.py" <<'P'
import json


def load_prices(path):
    with open(path) as f:
        return {row["name"]: row["price"] for row in json.load(f)}


def total(cart, prices, discount=0):
    amount = sum(prices[name] * n for name, n in cart.items())
    return amount * (1 - discount)


class Cart:
    def __init__(self):
        self.items = {}

    def add(self, name, n=1):
        self.items[name] = self.items.get(name, 0) + n

    def remove(self, name):
        if name not in self.items:
            raise KeyError(name)
        del self.items[name]

    def is_empty(self):
        return not self.items


def cheapest(prices):
    return min(prices, key=prices.get) if prices else None
P
    cat >"$1/util.js" <<'J'
function clamp(x, low, high) {
  if (x < low) return low;
  return x > high ? high : x;
}

function groupBy(rows, key) {
  const out = new Map();
  for (const row of rows) {
    const k = row[key];
    if (!out.has(k)) out.set(k, []);
    out.get(k).push(row);
  }
  return out;
}
J
    cat >"$1/queue.go" <<'G'
package queue

type Queue struct{ items []int }

func (q *Queue) Push(x int) {
	q.items = append(q.items, x)
}

func (q *Queue) Pop() (int, bool) {
	if len(q.items) == 0 {
		return 0, false
	}
	x := q.items[0]
	q.items = q.items[1:]
	return x, true
}
G
    rm -rf "$1/.dobby"
    mkdir "$1/.dobby" # the root, whatever lies above the scratch directory
}
