/* The page of dobby summarize --format html: a tree of files, their units, and search. Rows come from page.c (page.h tells their
 * form). Text only ever becomes text nodes. What could be long is made in slices, so that no key or click waits for it. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const SLICE_MS = 8; // work between two looks at what the user does
  const FIRST = 60; // entries of a list made at once; the others follow, FIRST a frame
  const LANGUAGES = { c: "C", cpp: "C++", csharp: "C#", python: "Python", javascript: "JavaScript", typescript: "TypeScript", tsx: "TSX", go: "Go", rust: "Rust", java: "Java", ruby: "Ruby", php: "PHP", kotlin: "Kotlin", swift: "Swift", scala: "Scala", lua: "Lua", bash: "Shell", zig: "Zig", haskell: "Haskell", ocaml: "OCaml", sql: "SQL", markdown: "Markdown", jupyter: "Jupyter" };
  const SOURCES = { doc: "from its comment", signature: "from name and parameters only" };
  const title = document.title;
  const number = (n) => n.toLocaleString("en");
  const count = (n, one, many) => number(n) + " " + (n === 1 ? one : many || one + "s");
  const by = (key) => (a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0);

  /* ---- rows into directories, files and units ---- */

  const directory = (path, name, parent) => ({ type: "directory", path, name, parent, row: null, dirs: new Map(), files: [], n: 0, nFiles: 0 });
  const root = directory("", title, null);
  const files = [], units = [], findings = [];

  function directoryOf(path) {
    let d = root;
    for (let from = 0, at; (at = path.indexOf("/", from)) >= 0; from = at + 1) {
      const name = path.slice(from, at);
      let next = d.dirs.get(name);
      if (!next) d.dirs.set(name, (next = directory(path.slice(0, at), name, d)));
      d = next;
    }
    return d;
  }
  function newFile(path, language) {
    const parent = directoryOf(path);
    const f = { type: "file", path, name: path.slice(path.lastIndexOf("/") + 1), parent, row: null, units: [], language };
    files.push(f);
    parent.files.push(f);
    for (let d = parent; d; d = d.parent) d.nFiles++;
    return f;
  }
  (() => {
    let path = null, kind = null, language = null, source = null, model = null, file = null;
    for (const r of JSON.parse($("rows").textContent)) {
      if (r[0] !== 0) { path = r[0]; file = null; }
      if (r[2] !== 0) kind = r[2];
      if (r[5] !== 0) language = r[5];
      if (r[7] !== 0) source = r[7];
      if (r[9] !== 0) model = r[9];
      const row = { type: "unit", path, name: r[1], kind, start: r[3], end: r[4], language, summary: r[6], source, sure: r[8], model, findings: r[10] || null, low: r[11] === "low", file: null, depth: 0 };
      let of = row; // what the row tells of
      if (kind === "repository") of = root;
      else if (kind === "directory") of = directoryOf(path + "/");
      else {
        if (!file) file = newFile(path, language);
        if (kind === "file") of = file;
      }
      if (row.findings) findings.push({ of, row });
      if (of !== row) { of.row = row; continue; }
      row.file = file;
      file.units.push(row);
      units.push(row);
    }
    for (const f of files) {
      for (let d = f.parent; d; d = d.parent) d.n += f.units.length;
      const open = []; // ends of what encloses the unit
      for (const u of f.units) {
        while (open.length && !(u.start > 0 && u.end <= open[open.length - 1])) open.pop();
        u.depth = Math.min(open.length, 4);
        open.push(u.end);
      }
    }
  })();
  $("rows").remove();

  /* A link of its own for everything: the path, or path:name; of several alike the later ones have ~2, ~3. */
  const targets = new Map();
  function link(key, entry) {
    let k = key;
    for (let i = 2; targets.has(k); i++) k = key + "~" + i;
    targets.set(k, entry);
    entry.link = k;
  }
  (function visit(d) {
    if (d !== root) link(d.path, d);
    for (const s of d.dirs.values()) visit(s);
  })(root);
  for (const f of files) link(f.path, f);
  for (const u of units) link(u.path + ":" + (u.name || u.kind + " " + u.start), u);
  root.link = "";
  const escapes = { "%": "%25", " ": "%20", '"': "%22", "<": "%3C", ">": "%3E", "`": "%60" };
  const href = (entry) => "#" + entry.link.replace(/[% "<>`]/g, (c) => escapes[c]);

  /* ---- making elements ---- */

  function el(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const k in attributes) {
      if (k === "class") e.className = attributes[k];
      else if (attributes[k] !== null && attributes[k] !== undefined) e.setAttribute(k, attributes[k]);
    }
    e.append(...children.filter((c) => c !== null && c !== undefined));
    return e;
  }
  /* Text in which what stands between backticks is code. */
  function prose(text) {
    const out = document.createDocumentFragment(), parts = text.split("`");
    parts.forEach((t, i) => {
      if (i % 2 && i < parts.length - 1) out.append(el("code", {}, t));
      else out.append(i % 2 ? "`" + t : t);
    });
    return out;
  }
  /* Append make(item) for all items: up to item `upto` at once, the others a slice a frame while `alive` says so. */
  function fill(parent, items, make, alive, upto) {
    let i = 0;
    const some = (n) => {
      const part = document.createDocumentFragment();
      for (const end = Math.min(items.length, i + n); i < end; i++) part.append(make(items[i]));
      parent.append(part);
    };
    const later = () => {
      if (!alive()) return;
      some(FIRST);
      if (i < items.length) requestAnimationFrame(later);
    };
    some(Math.max(FIRST, (upto || 0) + 20));
    if (i < items.length) requestAnimationFrame(later);
  }
  const pretty = (language) => LANGUAGES[language] || language;
  function origin(u) {
    if (!u.source || !u.summary) return null;
    const text = SOURCES[u.source] || u.source;
    const mark = u.low ? " low" : "", doubt = u.low ? "; doubtful" : "";
    if (u.sure === null) return el("span", { class: "tag" + (u.source === "signature" || u.low ? " unsure" : "") }, text + mark);
    return el("span", { class: "tag sure" + (u.low ? " unsure" : ""), title: "Written by " + (u.model || "a model") + ", which was sure of it to " + u.sure + "%" + doubt }, text + " " + u.sure + "%" + mark);
  }
  const lines = (u) => (u.start > 0 ? (u.end > u.start ? "lines " + u.start + "\u2013" + u.end : "line " + u.start) : null);
  const tag = (text) => (text ? el("span", { class: "tag" }, text) : null);
  const label = (u) => u.name || (u.kind === "chunk" ? "lines " + u.start + "\u2013" + u.end : u.kind);
  function found(u) {
    return u.findings ? el("ul", { class: "findings", "aria-label": "Findings" }, ...u.findings.map((f) => el("li", {}, prose(f)))) : null;
  }

  /* ---- views: the overview, a directory, a file ---- */

  let view = 0; // number of the view shown: slices of an older one stop

  function crumbs(entry) {
    const up = [];
    for (let d = entry.parent; d; d = d.parent) up.unshift(el("a", { href: href(d) }, d === root ? title : d.name), " / ");
    return el("p", { class: "crumbs" }, ...up);
  }
  function lead(row) {
    if (!row || !row.summary) return [];
    return [el("p", { class: "lead" }, prose(row.summary), " ", origin(row)), found(row)];
  }
  function listEntry(x) {
    const isDir = x.type === "directory";
    return el("li", {}, isDir ? el("span", { class: "n" }, count(x.n, "unit")) : el("span", { class: "n" }, x.units.length ? count(x.units.length, "unit") : ""),
      el("a", { href: href(x), class: "mono" }, x.name + (isDir ? "/" : "")),
      x.row && x.row.summary ? el("p", {}, prose(x.row.summary)) : null);
  }
  function lists(d, out, alive) {
    const part = (name, items) => {
      if (!items.length) return;
      const list = el("ul", { class: "list" });
      out.append(el("h2", {}, name), list);
      fill(list, items, listEntry, alive);
    };
    part("Directories", [...d.dirs.values()].sort(by("name")));
    part("Files", d.files);
  }
  function overview(out, alive) {
    const model = units.filter((u) => u.sure !== null).length, doc = units.filter((u) => u.source === "doc").length;
    out.append(el("h1", {}, title), ...lead(root.row).filter(Boolean));
    out.append(el("p", { class: "facts" }, el("span", {}, count(files.length, "file")), el("span", {}, count(units.length, "unit")),
      model ? el("span", {}, count(model, "summary", "summaries") + " by a model") : null, doc ? el("span", {}, number(doc) + " from comments") : null));
    if (!units.length && !files.length) out.append(el("p", { class: "none" }, "Nothing is summarised here yet."));
    const n = new Map();
    for (const u of units) if (u.language) n.set(u.language, (n.get(u.language) || 0) + 1);
    const most = [...n].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (most.length) {
      const list = el("dl", { class: "langs" });
      for (const [l, k] of most) {
        const bar = el("span", {});
        bar.style.width = (100 * k) / most[0][1] + "%";
        list.append(el("dt", {}, pretty(l)), el("dd", { class: "bar", "aria-hidden": "true" }, bar), el("dd", {}, number(k)));
      }
      out.append(el("h2", {}, "Languages"), list);
    }
    lists(root, out, alive);
    if (findings.length) {
      const list = el("ul", { class: "list" });
      out.append(el("h2", {}, "Findings"), list);
      fill(list, findings, ({ of, row }) => el("li", {}, el("a", { href: href(of), class: "mono" }, of.link || title), found(row)), alive);
    }
    out.append(el("p", { class: "keys" }, el("kbd", {}, "/"), " searches, ", el("kbd", {}, "\u2191"), " ", el("kbd", {}, "\u2193"), " choose, ", el("kbd", {}, "Enter"), " opens, ", el("kbd", {}, "Esc"), " clears."));
  }
  function unit(u) {
    const e = el("article", { class: "unit", "data-link": u.link },
      el("h3", {}, el("a", { href: href(u) }, label(u)), tag(u.kind === "chunk" && !u.name ? "chunk" : u.kind), u.name ? tag(lines(u)) : null,
        u.file.language !== u.language ? tag(pretty(u.language)) : null, origin(u)),
      u.summary ? el("p", {}, prose(u.summary)) : el("p", { class: "none" }, "No summary yet."), found(u));
    if (u.depth) e.style.setProperty("--depth", u.depth);
    return e;
  }
  function fileView(f, at, out, alive) {
    out.append(crumbs(f), el("h1", { class: "path" }, f.name), ...lead(f.row).filter(Boolean),
      el("p", { class: "facts" }, f.language ? el("span", {}, pretty(f.language)) : null, el("span", {}, count(f.units.length, "unit"))));
    if (!f.units.length) return;
    const list = el("div", {});
    out.append(el("h2", {}, "Contents"), list);
    fill(list, f.units, unit, alive, at ? f.units.indexOf(at) : 0);
  }
  function directoryView(d, out, alive) {
    out.append(crumbs(d), el("h1", { class: "path" }, d.name + "/"), ...lead(d.row).filter(Boolean),
      el("p", { class: "facts" }, el("span", {}, count(d.nFiles, "file")), el("span", {}, count(d.n, "unit"))));
    lists(d, out, alive);
  }
  function show(entry) {
    const mine = ++view, alive = () => view === mine, out = document.createDocumentFragment(), main = $("main");
    const at = entry.type === "unit" ? entry : null, place = at ? at.file : entry;
    if (place === root) overview(out, alive);
    else if (place.type === "file") fileView(place, at, out, alive);
    else directoryView(place, out, alive);
    main.replaceChildren(out);
    main.scrollTop = 0;
    document.title = place === root ? title : (at ? label(at) + " \u00b7 " : "") + place.path + " \u00b7 " + title;
    reveal(place);
    if (!at) return;
    const e = main.querySelector('[data-link="' + CSS.escape(at.link) + '"]');
    e.classList.add("here");
    e.scrollIntoView({ block: "center" });
    requestAnimationFrame(() => e.isConnected && e.scrollIntoView({ block: "center" })); // those above have their height now
  }
  function key() {
    const raw = location.hash.slice(1);
    try { return decodeURIComponent(raw); } catch { return raw; } // a lone percent sign, typed by hand
  }
  function route() {
    closeSearch();
    document.body.classList.remove("open");
    $("menu").setAttribute("aria-expanded", "false");
    show(targets.get(key()) || root);
  }
  const go = (entry) => {
    if (key() === entry.link) route();
    else location.hash = href(entry);
  };

  /* ---- the tree ---- */

  const items = new Map(); // of what is on the page: entry -> its list item
  let current = null;

  /* A directory that holds one directory and nothing else stands on one line with it. */
  function joined(d) {
    let name = d.name;
    while (d.files.length === 0 && d.dirs.size === 1) {
      d = d.dirs.values().next().value;
      name += "/" + d.name;
    }
    return { d, name };
  }
  const inside = (d) => [...[...d.dirs.values()].map(joined).sort(by("name")), ...d.files.map((f) => ({ d: f, name: f.name }))];
  function item({ d, name }, depth) {
    const n = d.type === "file" ? d.units.length : d.n;
    const row = el("div", { class: "row", title: d.path }, el("span", {}, name), n ? el("i", {}, number(n)) : null);
    const li = el("li", { role: "treeitem", tabindex: "-1", "aria-level": depth + 1, "aria-selected": "false" }, row);
    li.style.setProperty("--depth", depth);
    if (d.type === "directory") li.setAttribute("aria-expanded", "false");
    li.entry = d;
    li.depth = depth;
    items.set(d, li);
    return li;
  }
  function expand(li, yes, upto) {
    const d = li.entry;
    let list = li.querySelector("ul");
    if (d.type !== "directory") return;
    li.setAttribute("aria-expanded", String(yes));
    if (yes && !list) {
      const all = inside(d);
      list = el("ul", { role: "group" });
      li.append(list);
      fill(list, all, (x) => item(x, li.depth + 1), () => list.isConnected, upto ? all.findIndex((x) => x.d === upto) : 0);
    } else if (list) {
      list.hidden = !yes;
      if (yes && upto && !items.has(upto)) { // still being made
        list.remove();
        expand(li, yes, upto);
      }
    }
  }
  function select(li) {
    if (current) { current.setAttribute("aria-selected", "false"); current.tabIndex = -1; }
    current = li;
    if (!li) return;
    li.setAttribute("aria-selected", "true");
    li.tabIndex = 0;
    li.firstChild.scrollIntoView({ block: "nearest" });
  }
  function reveal(entry) {
    const up = [];
    for (let e = entry; e && e !== root; e = e.parent) up.unshift(e);
    for (let i = 0; i < up.length; i++) { // joined directories have one item, that of the last
      const li = items.get(up[i]), next = up.slice(i + 1).find((e) => e.type === "file" || joined(e).d === e);
      if (li && next) expand(li, true, next);
    }
    const li = items.get(entry.type === "directory" && entry !== root ? joined(entry).d : entry);
    select(li || null);
    if (li && li.entry.type === "directory") expand(li, true);
  }
  function visible() {
    return [...$("tree").querySelectorAll("[role=treeitem]")].filter((li) => !li.parentElement.closest("ul[hidden]"));
  }
  function focusItem(li) {
    if (!li) return;
    for (const other of $("tree").querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    li.tabIndex = 0;
    li.focus({ preventScroll: true });
    li.firstChild.scrollIntoView({ block: "nearest" });
  }
  /* The next or previous item in sight, without listing them all. */
  function step(li, forward) {
    if (forward) {
      const list = li.querySelector("ul");
      if (list && !list.hidden && list.firstChild) return list.firstChild;
      for (let e = li; e && e.id !== "tree"; e = e.parentElement.closest("li")) if (e.nextSibling) return e.nextSibling;
      return null;
    }
    if (!li.previousSibling) return li.parentElement.closest("li");
    for (li = li.previousSibling; ; ) {
      const list = li.querySelector("ul");
      if (!list || list.hidden || !list.lastChild) return li;
      li = list.lastChild;
    }
  }
  $("tree").addEventListener("click", (ev) => {
    const li = ev.target.closest("li");
    if (!li) return;
    if (li.entry.type === "directory" && li.getAttribute("aria-expanded") === "true" && li === current) {
      expand(li, false);
      return;
    }
    go(li.entry);
  });
  $("tree").addEventListener("keydown", (ev) => {
    const li = ev.target.closest("li");
    if (!li || ev.ctrlKey || ev.metaKey || ev.altKey) return;
    const open = li.getAttribute("aria-expanded");
    const moves = {
      ArrowDown: () => focusItem(step(li, true)),
      ArrowUp: () => focusItem(step(li, false)),
      ArrowRight: () => (open === "false" ? expand(li, true) : open && focusItem(li.querySelector("li"))),
      ArrowLeft: () => (open === "true" ? expand(li, false) : focusItem(li.parentElement.closest("li"))),
      Home: () => focusItem($("tree").firstChild),
      End: () => focusItem(visible().pop()),
      Enter: () => go(li.entry),
      " ": () => go(li.entry),
    };
    if (!moves[ev.key]) return;
    moves[ev.key]();
    ev.preventDefault();
  });

  /* ---- search ---- */

  const SIGNS = /[\0-/:-`{-\x7f]+/g; // all of ASCII but small letters and digits

  /* Everything that can be found. Its texts in lower case are made when nothing else is to do, or when they are first looked at. */
  const entries = [];
  (function visit(d) {
    if (d !== root) entries.push({ to: d, name: d.name + "/", path: d.path, summary: d.row && d.row.summary, low: null });
    for (const s of d.dirs.values()) visit(s);
  })(root);
  for (const f of files) {
    entries.push({ to: f, name: f.name, path: f.path, summary: f.row && f.row.summary, low: null });
    for (const u of f.units) entries.push({ to: u, name: label(u), path: u.path, summary: u.summary, low: null });
  }
  function lower(x) {
    const name = x.name.toLowerCase(), plain = name.replace(SIGNS, "");
    x.low = { name, plain, last: name.replace(/^.*[.:#\\](?=[^.:#\\])/, "").replace(SIGNS, ""), path: x.path.toLowerCase(), all: name + "\n" + plain + "\n" + x.path.toLowerCase() + "\n" + (x.summary || "").toLowerCase() };
    return x.low;
  }
  if (window.requestIdleCallback) {
    let i = 0;
    const prepare = (deadline) => {
      for (; i < entries.length && deadline.timeRemaining() > 1; i++) if (!entries[i].low) lower(entries[i]);
      if (i < entries.length) requestIdleCallback(prepare);
    };
    requestIdleCallback(prepare);
  }
  const RANKS = 7;
  /* 0 just that name, 1 its beginning, 2 in the name as it was asked, 3 all words in the name, 4 in name and path, 5 one in the name and
   * the others anywhere, 6 anywhere; -1 not found. Signs between the parts of a name do not count. */
  function rank(x, q) {
    const t = x.low || lower(x), n = q.words.length;
    let inName = 0, inPath = 0;
    for (const w of q.words) {
      if (!t.all.includes(w)) return -1;
      if (t.name.includes(w) || t.plain.includes(w)) inName++;
      else if (t.path.includes(w)) inPath++;
    }
    if (inName === n) {
      if (t.name === q.text || t.last === q.joined || t.plain === q.joined) return 0;
      if (!q.joined) return 2;
      if (t.plain.startsWith(q.joined) || t.last.startsWith(q.joined)) return 1;
      return t.plain.includes(q.joined) ? 2 : 3;
    }
    if (inName + inPath === n) return 4;
    return inName ? 5 : 6;
  }

  let asked = 0; // number of the question: an older one stops
  let last = null; // the last question that was answered whole
  let hits = [], shown = 0, chosen = -1, words = [];
  const soon = (() => { // a timer would wait 4 ms after a few
    const channel = new MessageChannel(), waiting = [];
    channel.port1.onmessage = () => waiting.shift()();
    return (fn) => { waiting.push(fn); channel.port2.postMessage(0); };
  })();

  function ask() {
    const text = $("query").value.trim().toLowerCase(), mine = ++asked, began = performance.now();
    const q = { text, words: [...new Set(text.split(/\s+/).filter(Boolean))], joined: text.replace(SIGNS, "") };
    if (!q.words.length) { closeSearch(); return; }
    /* What a longer text finds, the shorter one found. */
    const from = last && text.startsWith(last.text) ? last.found : entries;
    const ranks = Array.from({ length: RANKS }, () => []), all = [];
    let i = 0;
    const work = () => {
      if (asked !== mine) return;
      const until = performance.now() + SLICE_MS;
      while (i < from.length) {
        for (const end = Math.min(from.length, i + 256); i < end; i++) {
          const r = rank(from[i], q);
          if (r >= 0) { ranks[r].push(from[i]); all.push(from[i]); }
        }
        if (performance.now() > until && i < from.length) { soon(work); return; }
      }
      for (let r = 0; r < 4; r++) ranks[r].sort((a, b) => a.name.length - b.name.length);
      last = { text, found: all };
      answer(ranks.flat(), q);
      performance.measure("dobby-search", { start: began, detail: { text, hits: all.length } });
    };
    work();
  }
  function marked(text) {
    const out = document.createDocumentFragment(), low = text.toLowerCase();
    let i = 0;
    if (low.length !== text.length) { out.append(text); return out; } // a letter that changes its length: no marks
    while (i < text.length) {
      let at = -1, length = 0;
      for (const w of words) {
        const k = low.indexOf(w, i);
        if (k >= 0 && (at < 0 || k < at || (k === at && w.length > length))) { at = k; length = w.length; }
      }
      if (at < 0) break;
      out.append(text.slice(i, at), el("mark", {}, text.slice(at, at + length)));
      i = at + length;
    }
    out.append(text.slice(i));
    return out;
  }
  function hit(x, i) {
    const u = x.to.type === "unit" ? x.to : null;
    const kind = u ? u.kind : x.to.type;
    return el("a", { class: "hit", role: "option", id: "hit-" + i, "aria-selected": "false", href: href(x.to), tabindex: "-1" },
      el("b", {}, marked(x.name)), " ", tag(kind === "file" ? null : kind),
      x.summary ? el("span", { class: "what" }, marked(x.summary)) : null,
      u || x.path !== x.name ? el("span", { class: "at" }, marked(x.path), u && u.start > 0 ? ":" + u.start : "") : null);
  }
  function more(n) {
    const part = document.createDocumentFragment();
    for (const end = Math.min(hits.length, shown + n); shown < end; shown++) part.append(hit(hits[shown], shown));
    $("hits").append(part);
  }
  function answer(found, q) {
    hits = found;
    words = q.words;
    shown = 0;
    $("hits").replaceChildren();
    more(30);
    $("told").textContent = hits.length ? count(hits.length, "result") : "Nothing holds all of these words.";
    $("main").hidden = true;
    $("found").hidden = false;
    $("found").scrollTop = 0;
    $("query").setAttribute("aria-expanded", "true");
    chosen = -1;
    choose(0);
  }
  function choose(i) {
    const old = $("hit-" + chosen);
    if (old) old.setAttribute("aria-selected", "false");
    chosen = Math.max(0, Math.min(i, hits.length - 1));
    if (chosen + 10 > shown) more(60);
    const e = $("hit-" + chosen);
    if (!e) { $("query").removeAttribute("aria-activedescendant"); return; }
    e.setAttribute("aria-selected", "true");
    e.scrollIntoView({ block: "nearest" });
    $("query").setAttribute("aria-activedescendant", e.id);
  }
  function closeSearch() {
    asked++;
    hits = [];
    $("query").value = "";
    $("query").setAttribute("aria-expanded", "false");
    $("query").removeAttribute("aria-activedescendant");
    $("found").hidden = true;
    $("main").hidden = false;
  }
  function open(x) {
    $("query").blur();
    go(x.to);
    $("main").focus({ preventScroll: true });
  }
  $("query").addEventListener("input", ask);
  $("query").addEventListener("keydown", (ev) => {
    const page = Math.max(1, Math.floor($("found").clientHeight / 80));
    if (ev.isComposing) return;
    if (ev.key === "Escape") {
      if ($("query").value) closeSearch();
      else $("query").blur();
    } else if (ev.key === "Enter") {
      if (hits[chosen]) open(hits[chosen]);
    } else if (ev.key === "ArrowDown") choose(chosen + 1);
    else if (ev.key === "ArrowUp") choose(chosen - 1);
    else if (ev.key === "PageDown") choose(chosen + page);
    else if (ev.key === "PageUp") choose(chosen - page);
    else return;
    ev.preventDefault();
  });
  $("hits").addEventListener("click", (ev) => {
    const e = ev.target.closest(".hit");
    if (!e || ev.ctrlKey || ev.metaKey || ev.shiftKey) return;
    ev.preventDefault();
    open(hits[Number(e.id.slice(4))]);
  });
  $("found").addEventListener("scroll", () => {
    const f = $("found");
    if (f.scrollTop + f.clientHeight * 2 > f.scrollHeight && shown < hits.length) more(60);
  }, { passive: true });

  /* ---- the page as a whole ---- */

  document.addEventListener("keydown", (ev) => {
    if (ev.defaultPrevented || ev.ctrlKey || ev.metaKey || ev.altKey || ev.target === $("query")) return;
    if (ev.key === "/") {
      $("query").focus();
      $("query").select();
      ev.preventDefault();
    } else if (ev.key === "Escape") {
      closeSearch();
      document.body.classList.remove("open");
      $("menu").setAttribute("aria-expanded", "false");
    }
  });
  $("menu").addEventListener("click", () => {
    const open = document.body.classList.toggle("open");
    $("menu").setAttribute("aria-expanded", String(open));
    if (open) focusItem(current || $("tree").firstChild);
  });
  $("main").addEventListener("click", () => document.body.classList.remove("open"));
  $("home").addEventListener("click", (ev) => { ev.preventDefault(); go(root); });
  $("skip").addEventListener("click", (ev) => { ev.preventDefault(); $("main").focus(); });
  document.addEventListener("click", (ev) => { // the link of what is shown already
    const a = ev.target.closest('a[href^="#"]');
    if (a && !ev.defaultPrevented && a.hash === location.hash) route();
  });
  window.addEventListener("hashchange", route);

  $("counts").textContent = count(units.length, "unit") + " in " + count(files.length, "file");
  fill($("tree"), inside(root), (x) => item(x, 0), () => true);
  if ($("tree").firstChild) $("tree").firstChild.tabIndex = 0;
  route();
  performance.measure("dobby-ready", { start: 0 });
})();
