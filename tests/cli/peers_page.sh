#!/usr/bin/env bash
# peers_page.sh - the HTML page in headless Chromium, from a file, with 10,000 units: search by keys alone, the tree, links, light, dark
# and narrow, nothing asked of a network, and no work that holds up a key. PAGE_LOOK=DIR keeps what it looked like; PAGE_UNITS=N is
# another size.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
units=${PAGE_UNITS:-10000}
cat >"$T/tree.py" <<'PYTHON'
import os, sys
root, n = sys.argv[1], int(sys.argv[2])
verbs = "parse read write open close find check count merge split".split()
nouns = "header token buffer packet index node tree list table word".split()
places = ["core/net", "core/io", "tools", "lib/text/unicode", "lib/text", "app/web"]
os.makedirs(root + "/.dobby")
for f in range((n + 9) // 10):
    place = places[f % 6] + (f"/part{f // 120:02d}" if f >= 120 else "")
    os.makedirs(f"{root}/{place}", exist_ok=True)
    with open(f"{root}/{place}/{nouns[f % 10]}_{f}.{('py', 'c')[f % 2]}", "w") as out:
        for i in range(f * 10, min(n, f * 10 + 10)):
            v, a, b = verbs[i % 10], nouns[i // 10 % 10], nouns[i // 100 % 10]
            doc = f"{v.capitalize()}s the {a} of the given {b} and returns the result, or a negative code."
            if f % 2:
                out.write(f"/* {doc} */\nint {v}_{a}_{b}_{i}(int {a}, int x)\n{{\n    x += {a};\n    return x;\n}}\n\n")
            else:
                out.write(f"def {v}_{a}_{b}_{i}({a}, x):\n    \"\"\"{doc}\"\"\"\n    x += {a}\n    return x\n\n")
with open(root + "/it's <b>100%.py", "w") as out:
    out.write('def hostile(x):\n    """Says <!-- and "quotes" & more of `x` than is good."""\n    x += 1\n    return x\n')
PYTHON
python3 "$T/tree.py" "$T/tree" "$units"
expect 0 "summarize, $units units" summarize --fast --format html -o "$T/page.html" "$T/tree"
PYTHONPATH=$(dirname "$0")/../support python3 - "$T/page.html" "$units" "${PAGE_LOOK:-}" >"$T/said" 2>"$T/err" <<'PYTHON'
import sys, time
from browser import Browser
page, units, look = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def told(what, ok, detail=""):
    print("pass" if ok else "fail", what + ("" if ok else "\t" + str(detail)), sep="\t", flush=True)

def picture(name):
    if look:
        b.screenshot(f"{look}/{name}.png")

CHOSEN = "document.querySelector('.hit[aria-selected=true] b').textContent"
PLACE = "decodeURIComponent(location.hash)"
def search(text):
    """Type into the field; returns when the answer is on the screen."""
    b.type(text)
    b.wait(f"performance.getEntriesByName('dobby-search').some((e) => e.detail.text === {text!r}.trim().toLowerCase())")
    b.painted()
def hits():
    return b.js("performance.getEntriesByName('dobby-search').pop().detail.hits")
def away():  # from the field
    b.key("Escape"), b.key("Escape")
    b.js("performance.clearMeasures()")

with Browser() as b:
    b.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    b.call("Page.addScriptToEvaluateOnNewDocument", source="window.held = []; new PerformanceObserver((l) => { for (const e of l.getEntries()) "
           "held.push(Math.round(e.duration)); }).observe({type: 'longtask', buffered: true});")
    b.size(1280, 820)
    b.open(page)
    ready = round(b.js("performance.getEntriesByName('dobby-ready')[0].duration"))
    told("the page is there", b.js("document.querySelector('h1').textContent") == "tree")
    told("it counts its units", b.js("document.getElementById('counts').textContent") == f"{units + 1:,} units in {(units + 9) // 10 + 1:,} files",
         b.js("document.getElementById('counts').textContent"))
    told("few elements for many units", b.js("document.querySelectorAll('*').length") < 2000)
    picture("overview")
    b.js("held.length = 0")

    times = []
    b.key("/")
    told("/ goes to the search", b.js("document.activeElement.id") == "query")
    text = ""
    for c in "parse header":
        start = time.monotonic()
        text += c
        b.key(c)
        b.wait(f"performance.getEntriesByName('dobby-search').some((e) => e.detail.text === {text!r}.trim())")
        b.painted()
        times.append(round((time.monotonic() - start) * 1000))
    told("names with all words come first", b.js(CHOSEN).startswith("parse_header_"), b.js(CHOSEN))
    told("results are counted", f"{hits():,} result" in b.js("document.getElementById('told').textContent"))
    picture("search")
    for _ in range(3):
        b.key("ArrowDown")
    b.key("ArrowUp")
    third = b.js(CHOSEN)
    told("arrows choose", b.js("document.querySelector('[aria-activedescendant]').getAttribute('aria-activedescendant')") == "hit-2")
    b.key("Enter")
    b.painted()
    told("Enter opens", b.js(PLACE).endswith(":" + third) and third in b.js("document.title"), b.js(PLACE))
    told("  and shows it", b.js("(() => { const r = document.querySelector('.here').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })()"))
    told("  the tree shows where", b.js("document.querySelector('#tree [aria-selected=true]').entry.path") + ":" + third == b.js(PLACE)[1:])
    picture("file")
    b.key("/")
    search("no such thing")
    told("nothing found says so", "Nothing" in b.js("document.getElementById('told').textContent") and b.js("document.querySelectorAll('.hit').length") == 0)
    b.key("Escape")
    told("Esc clears", b.js("document.getElementById('query').value") == "" and b.js("document.getElementById('found').hidden"))
    told("  what was open is still there", b.js("document.querySelector('.here') !== null"))
    away()
    b.key("/")
    search("parse")
    for _ in range(150):
        b.key("ArrowDown")
    told("arrows go beyond what was shown at first", b.js("document.querySelector('.hit[aria-selected=true]').id") == "hit-150")
    told("  in sight", b.js("(() => { const r = document.querySelector('.hit[aria-selected=true]').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight + 1; })()"))
    away()
    for text, name in ((f"READ_TOKEN_HEADER_{11}", "read_token_header_11"), ("readtokenheader11", "read_token_header_11"), ("100%", "it's <b>100%.py")):
        b.key("/")
        search(text)
        told("finds " + text, b.js(CHOSEN) == name, b.js(CHOSEN))
        away()
    held = b.js("held")
    told("no work holds up a key for half a second", not held or max(held) < 500, held)  # some milliseconds, but machines are busy

    b.open(page, "#it's%20%3Cb%3E100%25.py:hostile")
    told("a link opens it", b.js("document.querySelector('.here h3 a').textContent") == "hostile")
    told("  its text is text", b.js("document.querySelector('.here p').textContent") == 'Says <!-- and "quotes" & more of x than is good.',
         b.js("document.querySelector('.here p').textContent"))
    b.open(page, "#no/such/file:at_all")
    told("a link to nowhere shows the overview", b.js("document.querySelector('h1').textContent") == "tree")
    b.js("document.querySelector('#tree [tabindex=\"0\"]').focus()")
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown", "Enter"):
        b.key(key)
    b.painted()
    told("the tree opens by arrows", b.js(PLACE).startswith("#app/web/"), b.js(PLACE))
    b.js("history.back()")
    b.wait("location.hash === '#no/such/file:at_all'")
    told("back goes back", True)

    b.size(1280, 820, dark=True)
    dark = b.js("getComputedStyle(document.body).backgroundColor")
    picture("dark")
    b.size(390, 800, scale=2)
    told("dark and light differ", b.js("getComputedStyle(document.body).backgroundColor") != dark)
    told("narrow: nothing is wider than the screen", b.js("document.documentElement.scrollWidth") <= 390)
    told("  the tree is put away", b.js("getComputedStyle(document.getElementById('side')).visibility") == "hidden")
    b.js("document.getElementById('menu').click()")
    b.wait("getComputedStyle(document.getElementById('side')).visibility === 'visible'")
    told("  and comes when asked for", True)
    picture("narrow")
    complaints = b.complaints()
    told("no error, and nothing asked of a network", not complaints, complaints)
    b.js("(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); })()")
    told("the page's policy refuses other scripts", b.js("window.ran === undefined"))
    told("  and to fetch anything", b.js("fetch(location.href).then(() => false, () => true)"))
    print(f"note\t{units} units: ready in {ready} ms; a key to its painted result in {sorted(times)[len(times) // 2]} ms, at most {max(times)} ms")
PYTHON
rc=$?
while IFS=$'\t' read -r verdict what detail; do
    case $verdict in
    note) echo "# note: $what" ;;
    *) $verdict "$what" "$detail" ;;
    esac
done <"$T/said"
check "the browser went through all of it: $(tail -n 3 "$T/err" | tr '\n' ' ')" test $rc = 0
finish
