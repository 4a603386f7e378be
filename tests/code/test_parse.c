/* test_parse.c - units of samples in all languages; hostile texts. test_parse_pool.c has the workers. */
#include "support/parser_help.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "code/doc.h"
#include "code/protocol.h"

#include <stdio.h>
#include <stdlib.h>

/* Of the grammar; its tables reach them. */
void *tree_sitter_swift_external_scanner_create(void);
void tree_sitter_swift_external_scanner_destroy(void *scanner);
unsigned tree_sitter_swift_external_scanner_serialize(void *scanner, char *bytes);
void tree_sitter_swift_external_scanner_deserialize(void *scanner, const char *bytes, unsigned n);

/* ---- samples --------------------------------------------------------------------------------------- */

/* One line a unit: lines, depth, kind, qualified name, first bytes of comment and docstring. */
static void describe(struct strbuf *out, const struct parse_result *r, const char *text)
{
    size_t i;

    for (i = 0; i < r->units.n; i++) {
        const struct unit *u = &r->units.units[i];
        const char *doc = text + u->doc.start, *in = text + u->docstring.start;

        strbuf_printf(out, "%d-%d %d %s %s [%s]", u->start_line, u->end_line, u->depth,
                      unit_kind_name(u->kind), u->qualified, u->name);
        strbuf_printf(out, " {%.*s}", (int)size_min(span_len(u->doc), 12), doc);
        strbuf_printf(out, " {%.*s}\n", (int)size_min(span_len(u->docstring), 12), in);
    }
}

static char *get_sample(const char *name, size_t *n)
{
    char path[256];

    snprintf(path, sizeof(path), "tests/data/code/%s", name);
    return get_file(path, n);
}

static void check_sample(struct parser_pool *p, const char *name, const char *want)
{
    struct strbuf got = {0};
    struct parse_result r;
    size_t n;
    char *text = get_sample(name, &n);

    r = parse(p, language_of_name(name, strlen(name)), text, n);
    assert_false(r.failed);
    assert_false(r.units.partial);
    describe(&got, &r, text);
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
    parse_result_release(&r);
    free(text);
}

static void test_parse_c_family(void **state)
{
    (void)state;
    check_sample(*state, "ring.c",
                 "5-8 0 type ring [ring] {} {}\n"
                 "13-16 0 function ring_used [ring_used] {/* Number of} {}\n"
                 "20-27 0 function ring_put [ring_put] {} {}\n"
                 "30-33 0 function ring_peek [ring_peek] {} {}\n"
                 "38-42 0 function ring_set_hook [ring_set_hook] {// Register } {}\n"
                 "45-49 0 function old_style [old_style] {} {}\n");
    check_sample(*state, "shapes.cpp",
                 "7-27 0 type geo::Circle [Circle] {/// A circle} {}\n"
                 "10-10 1 method geo::Circle::Circle [Circle] {/// Make a c} {}\n"
                 "11-11 1 method geo::Circle::~Circle [~Circle] {} {}\n"
                 "19-22 1 method geo::Circle::operator== [operator==] {/**\n     * @} {}\n"
                 "23-23 1 method geo::Circle::operator bool [operator bool] {} {}\n"
                 "30-34 0 method geo::Circle::scale [scale] {// Scale the} {}\n"
                 "36-40 0 method geo::Box::clear [clear] {} {}\n"
                 "43-47 0 function geo::helper [helper] {} {}\n"
                 "52-55 0 function shapes_version [shapes_version] {} {}\n"
                 "58-61 0 function shapes_minor [shapes_minor] {} {}\n"
                 "64-68 0 function deep_reference [deep_reference] {} {}\n");
}

static void test_parse_python(void **state)
{
    check_sample(*state, "store.py",
                 "7-15 0 function open_store [open_store] {# Open the s} {}\n"
                 "8-11 1 function open_store.attempt [attempt] {} {}\n"
                 "18-45 0 type Store [Store] {} {\"\"\"Keep valu}\n"
                 "23-29 1 method Store.size [size] {} {\"\"\"Return th}\n"
                 "32-36 1 method Store.key [key] {# Trailing c} {}\n"
                 "38-40 1 method Store.close [close] {} {}\n"
                 "42-45 1 type Store.Cursor [Cursor] {} {}\n"
                 "43-45 2 method Store.Cursor.next [next] {} {'''Advance t}\n"
                 "50-51 0 function only_doc [only_doc] {} {\"\"\"Do nothin}\n"
                 "54-56 0 function bytes_first [bytes_first] {} {}\n");
}

static void test_parse_scripts(void **state)
{
    check_sample(*state, "cart.js",
                 "9-11 0 function total [total] {/**\n * Add u} {}\n"
                 "14-16 0 function format [format] {// Format an} {}\n"
                 "18-18 0 function one [one] {} {}\n"
                 "18-18 0 function two [two] {} {}\n"
                 "21-23 0 function count [count] {/** Walk ove} {}\n"
                 "25-45 0 type Cart [Cart] {} {}\n"
                 "28-30 1 method Cart.constructor [constructor] {} {}\n"
                 "33-36 1 method Cart.add [add] {/** Put one } {}\n"
                 "38-38 1 method Cart.size [size] {} {}\n"
                 "40-44 1 method Cart.from [from] {} {}\n"
                 "47-49 0 method Cart.clear [clear] {} {}\n"
                 "51-54 0 function load [load] {} {}\n"
                 "56-58 0 function module.exports [module.exports] {} {}\n"
                 "62-64 0 method api.list [list] {// Answer a } {}\n"
                 "65-67 0 method api.remove [remove] {} {}\n"
                 "68-70 0 method api.odd name [odd name] {} {}\n");
    check_sample(*state, "queue.ts",
                 "5-7 0 function push [push] {/** Append a} {}\n"
                 "9-25 0 type Queue [Queue] {} {}\n"
                 "12-12 1 method Queue.constructor [constructor] {} {}\n"
                 "15-20 1 method Queue.clear [clear] {/** Remove e} {}\n"
                 "22-24 1 method Queue.peek [peek] {} {}\n"
                 "28-28 0 function util.twice [twice] {} {}\n"
                 "31-33 0 type Sink [Sink] {} {}\n");
    check_sample(*state, "view.tsx",
                 "4-10 0 function Names [Names] {/** Show a l} {}\n"
                 "12-16 0 type Panel [Panel] {} {}\n"
                 "13-15 1 method Panel.render [render] {} {}\n");
}

static void test_parse_others(void **state)
{
    check_sample(*state, "pool.go",
                 "6-9 0 type Pool [Pool] {} {}\n"
                 "12-19 0 method Pool.Get [Get] {// Get takes} {}\n"
                 "21-21 0 method Pool.name [name] {} {}\n"
                 "24-35 0 function spin [spin] {//go:noinlin} {}\n"
                 "25-28 1 function spin.step [step] {} {}\n"
                 "38-40 0 function Handler [Handler] {// Handler a} {}\n");
    check_sample(*state, "tree.rs",
                 "8-16 0 function depth [depth] {/// Find the} {}\n"
                 "11-14 1 function depth::rec [rec] {} {}\n"
                 "18-25 0 type Visit [Visit] {} {}\n"
                 "22-24 1 method Visit::leave [leave] {/** Leave a } {}\n"
                 "28-30 0 method Branch::fmt [fmt] {} {}\n"
                 "34-38 0 method Tree::single [single] {// Make a tr} {}\n"
                 "42-45 0 function tests::empty_is_zero [empty_is_zero] {} {}\n");
    check_sample(*state, "Clock.java",
                 "6-58 0 type Clock [Clock] {/** A clock } {}\n"
                 "9-11 1 method Clock.Clock [Clock] {} {}\n"
                 "19-27 1 method Clock.tick [tick] {/**\n     * M} {}\n"
                 "29-33 1 type Clock.Base [Base] {} {}\n"
                 "32-32 2 method Clock.Base.pick [pick] {} {}\n"
                 "35-42 1 type Clock.Listener [Listener] {} {}\n"
                 "38-41 2 method Clock.Listener.twice [twice] {} {}\n"
                 "44-50 1 type Clock.Mode [Mode] {} {}\n"
                 "47-49 2 method Clock.Mode.other [other] {} {}\n"
                 "52-57 1 type Clock.Range [Range] {} {}\n"
                 "53-56 2 method Clock.Range.Range [Range] {} {}\n");
}

static const char *const samples[] = {
    "ring.c",    "shapes.cpp", "store.py",   "cart.js",    "queue.ts",   "view.tsx",
    "pool.go",   "tree.rs",    "Clock.java", "Clock.cs",   "blocks.cs",  "stack.rb",
    "cart.php",  "blocks.php", "Queue.kt",   "Ring.swift", "Tree.scala", "pool.lua",
    "deploy.sh", "ring.zig",   "ledger.sql", "Tree.hs",    "tree.ml"};

static void test_parse_csharp(void **state)
{
    check_sample(*state, "Clock.cs",
                 "8-65 0 type Acme.Time.Clock [Clock] {/// <summary} {}\n"
                 "18-21 1 method Acme.Time.Clock.Clock [Clock] {/// <summary} {}\n"
                 "23-26 1 method Acme.Time.Clock.~Clock [~Clock] {} {}\n"
                 "29-41 1 method Acme.Time.Clock.Tick [Tick] {/// <summary} {}\n"
                 "33-36 2 function Acme.Time.Clock.Tick.Sum [Sum] {} {}\n"
                 "44-44 1 method Acme.Time.Clock.Half [Half] {// Half of w} {}\n"
                 "46-49 1 method Acme.Time.Clock.operator+ [operator+] {} {}\n"
                 "51-51 1 method Acme.Time.Clock.operator< [operator<] {} {}\n"
                 "53-53 1 method Acme.Time.Clock.operator long [operator long] {} {}\n"
                 "55-55 1 method Acme.Time.Clock.Dispose [Dispose] {} {}\n"
                 "59-64 1 type Acme.Time.Clock.Mark [Mark] {} {}\n"
                 "62-62 2 method Acme.Time.Clock.Mark.Set [Set] {} {}\n"
                 "67-72 0 type Acme.Time.IWatch [IWatch] {} {}\n"
                 "71-71 1 method Acme.Time.IWatch.Stop [Stop] {} {}\n"
                 "74-77 0 type Acme.Time.Span [Span] {} {}\n"
                 "76-76 1 method Acme.Time.Span.Length [Length] {} {}\n");
    check_sample(*state, "blocks.cs",
                 "4-7 0 function Twice [Twice] {// Double wh} {}\n"
                 "13-16 0 type Outer.Inner.Deep.Tool [Tool] {} {}\n"
                 "15-15 1 method Outer.Inner.Deep.Tool.Run [Run] {} {}\n");
}

static void test_parse_ruby_php(void **state)
{
    check_sample(*state, "stack.rb",
                 "4-72 0 module Store [Store] {} {}\n"
                 "6-65 1 type Store::Stack [Stack] {# Keep value} {}\n"
                 "8-10 2 method Store::Stack.initialize [initialize] {# The first } {}\n"
                 "17-22 2 method Store::Stack.push [push] {# Put a valu} {}\n"
                 "24-24 2 method Store::Stack.full? [full?] {} {}\n"
                 "26-27 2 method Store::Stack.empty? [empty?] {} {}\n"
                 "29-31 2 method Store::Stack.<=> [<=>] {} {}\n"
                 "33-35 2 method Store::Stack.limit= [limit=] {} {}\n"
                 "38-40 2 method Store::Stack.of [of] {# Make a sta} {}\n"
                 "42-44 2 method Store::Stack.default [default] {} {}\n"
                 "48-50 2 method Store::Stack.load [load] {# Read a sta} {}\n"
                 "54-56 2 method Store::Stack.secret [secret] {# Hide what } {}\n"
                 "60-64 2 method Store::Stack.hidden [hidden] {} {}\n"
                 "67-69 1 method Store::Stack.late [late] {} {}\n"
                 "71-71 1 type Store::Base::List [List] {} {}\n"
                 "71-71 2 method Store::Base::List.size [size] {} {}\n"
                 "77-79 0 function count_words [count_words] {=begin\nCount} {}\n");
    check_sample(*state, "cart.php",
                 "14-21 0 function Shop\\Cart\\total [total] {/**\n * Add u} {}\n"
                 "16-19 1 function Shop\\Cart\\total::helper [helper] {} {}\n"
                 "23-44 0 type Shop\\Cart\\Cart [Cart] {} {}\n"
                 "28-29 1 method Shop\\Cart\\Cart::__construct [__construct] {// Make an e} {}\n"
                 "32-37 1 method Shop\\Cart\\Cart::count [count] {# Count what} {}\n"
                 "41-41 1 method Shop\\Cart\\Cart::from [from] {} {}\n"
                 "43-43 1 method Shop\\Cart\\Cart::__destruct [__destruct] {} {}\n"
                 "46-46 0 type Shop\\Cart\\Priced [Priced] {} {}\n"
                 "48-51 0 type Shop\\Cart\\Totals [Totals] {} {}\n"
                 "50-50 1 method Shop\\Cart\\Totals::sum [sum] {} {}\n"
                 "53-59 0 type Shop\\Cart\\Size [Size] {} {}\n"
                 "58-58 1 method Shop\\Cart\\Size::letter [letter] {/** Tell the} {}\n"
                 "61-61 0 method Shop\\Cart\\run [run] {} {}\n"
                 "65-67 0 function Shop\\Cart\\late [late] {} {}\n");
    check_sample(*state, "blocks.php",
                 "3-3 0 function A\\B\\one [one] {} {}\n"
                 "4-4 0 type A\\B\\C [C] {} {}\n"
                 "4-4 1 method A\\B\\C::two [two] {} {}\n"
                 "7-7 0 function three [three] {} {}\n");
}

static void test_parse_kotlin_swift_scala(void **state)
{
    check_sample(*state, "Queue.kt",
                 "7-15 0 function push [push] {/** Append a} {}\n"
                 "9-12 1 function push.helper [helper] {} {}\n"
                 "18-18 0 function half [half] {// Half of t} {}\n"
                 "23-23 0 method String.firstWord [firstWord] {/**\n * Take } {}\n"
                 "25-27 0 method List.sumWith [sumWith] {} {}\n"
                 "29-60 0 type Queue [Queue] {} {}\n"
                 "35-37 1 method Queue.constructor [constructor] {// Make a qu} {}\n"
                 "43-45 1 method Queue.take [take] {/** Take out} {}\n"
                 "47-47 1 method Queue.plus [plus] {} {}\n"
                 "52-54 1 method Queue.of [of] {} {}\n"
                 "57-59 1 type Queue.Cursor [Cursor] {} {}\n"
                 "58-58 2 method Queue.Cursor.next [next] {} {}\n"
                 "62-66 0 type Named [Named] {} {}\n"
                 "65-65 1 method Named.upper [upper] {} {}\n"
                 "68-70 0 type Registry [Registry] {} {}\n"
                 "69-69 1 method Registry.find [find] {} {}\n"
                 "72-76 0 type Mode [Mode] {} {}\n"
                 "75-75 1 method Mode.other [other] {} {}\n");
    check_sample(*state, "Ring.swift",
                 "7-14 0 function put [put] {/// Put a va} {}\n"
                 "9-12 1 function put.step [step] {} {}\n"
                 "17-46 0 type Ring [Ring] {/** Keep a f} {}\n"
                 "25-27 1 method Ring.init [init] {// Make a ri} {}\n"
                 "29-29 1 method Ring.init [init] {} {}\n"
                 "31-33 1 method Ring.== [==] {} {}\n"
                 "35-35 1 method Ring.clear [clear] {} {}\n"
                 "41-45 1 type Ring.Mode [Mode] {} {}\n"
                 "44-44 2 method Ring.Mode.other [other] {} {}\n"
                 "48-57 0 type Watch [Watch] {} {}\n"
                 "49-51 1 method Watch.deinit [deinit] {} {}\n"
                 "54-56 1 method Watch.stop [stop] {/// Stop the} {}\n"
                 "59-61 0 type Named [Named] {} {}\n"
                 "65-67 0 method Named.upper [upper] {/* Say the n} {}\n"
                 "71-71 0 method Ring.Mode.`default` [`default`] {} {}\n"
                 "74-76 0 type Counter [Counter] {} {}\n"
                 "75-75 1 method Counter.next [next] {} {}\n");
    check_sample(*state, "Tree.scala",
                 "9-17 0 function depth [depth] {/** Find the} {}\n"
                 "11-14 1 function depth.rec [rec] {} {}\n"
                 "19-35 0 type Tree [Tree] {} {}\n"
                 "21-23 1 method Tree.this [this] {// Make a tr} {}\n"
                 "26-26 1 method Tree.size [size] {/** Count al} {}\n"
                 "30-30 1 method Tree.+ [+] {} {}\n"
                 "32-34 1 method Tree.clear [clear] {} {}\n"
                 "37-41 0 type Tree [Tree] {} {}\n"
                 "38-38 1 method Tree.of [of] {} {}\n"
                 "40-40 1 method Tree.Empty.apply [apply] {} {}\n"
                 "43-49 0 type Named [Named] {} {}\n"
                 "47-49 1 method Named.upper [upper] {// Say the n} {}\n"
                 "52-54 0 function colour [colour] {// Tell the } {}\n"
                 "56-59 0 type Colour [Colour] {} {}\n"
                 "59-59 1 method Colour.other [other] {} {}\n"
                 "62-62 0 function twice [twice] {} {}\n"
                 "65-65 0 method ordering.compare [compare] {} {}\n");
}

static void test_parse_lua_bash_zig_sql(void **state)
{
    check_sample(*state, "pool.lua",
                 "8-16 0 function M.take [take] {--- Take a v} {}\n"
                 "9-13 1 function M.take.step [step] {} {}\n"
                 "20-22 0 method M:give [give] {-- Give a va} {}\n"
                 "26-28 0 function count [count] {--[[ Count w} {}\n"
                 "31-33 0 function M.open [open] {-- Open the } {}\n"
                 "35-35 0 function close [close] {} {}\n"
                 "37-37 0 function M.nothing [nothing] {} {}\n"
                 "41-43 0 method api.list [list] {-- List all } {}\n"
                 "47-47 0 function a.b.c.deep [deep] {} {}\n");
    check_sample(*state, "deploy.sh",
                 "7-10 0 function die [die] {# Say someth} {}\n"
                 "14-24 0 function copy_tree [copy_tree] {# Copy a tre} {}\n"
                 "19-22 1 function copy_tree.inner [inner] {} {}\n"
                 "26-26 0 function in-place [in-place] {} {}\n"
                 "30-30 0 function late [late] {# Only where} {}\n");
    check_sample(*state, "ring.zig",
                 "8-10 0 function twice [twice] {/// Double w} {}\n"
                 "13-36 0 type Ring [Ring] {/// A ring o} {}\n"
                 "20-22 1 method Ring.init [init] {/// Make a r} {}\n"
                 "25-27 1 method Ring.used [used] {// Count wha} {}\n"
                 "29-35 1 type Ring.Mode [Mode] {} {}\n"
                 "32-34 2 method Ring.Mode.other [other] {} {}\n"
                 "38-40 0 function ring_version [ring_version] {} {}\n"
                 "43-56 0 function List [List] {/// A list o} {}\n"
                 "47-49 1 function List.first [first] {} {}\n"
                 "51-54 1 function List.last [last] {} {}\n");
    check_sample(*state, "ledger.sql",
                 "3-3 0 type entries [entries] {} {}\n"
                 "7-12 0 function ledger.total [total] {-- Add up al} {}\n"
                 "15-16 0 function twice [twice] {/* Double wh} {}\n"
                 "18-22 0 function stamp [stamp] {} {}\n");
}

static void test_parse_haskell_ocaml(void **state)
{
    check_sample(*state, "Tree.hs",
                 "10-12 0 function depth [depth] {-- | Find th} {}\n"
                 "14-16 0 type Tree [Tree] {} {}\n"
                 "19-32 0 function insert [insert] {-- | Put a v} {}\n"
                 "30-32 1 function insert.helper [helper] {-- Only here} {}\n"
                 "37-39 0 function <+> [<+>] {-- Join two } {}\n"
                 "44-47 0 function fold [fold] {-- Fold by a} {}\n"
                 "49-51 0 function main [main] {} {}\n"
                 "56-57 0 function total [total] {} {}\n"
                 "59-64 0 type Named [Named] {} {}\n"
                 "61-62 1 method Named.name [name] {-- | The nam} {}\n"
                 "67-69 0 method Tree.show [show] {} {}\n"
                 "72-72 0 method Int.name [name] {} {}\n");
    check_sample(*state, "tree.ml",
                 "8-16 0 function depth [depth] {(** Find the} {}\n"
                 "9-11 1 function depth.step [step] {} {}\n"
                 "19-19 0 function even [even] {(* Tell whet} {}\n"
                 "22-22 0 function odd [odd] {(* Tell whet} {}\n"
                 "26-26 0 function twice [twice] {} {}\n"
                 "28-30 0 function classify [classify] {} {}\n"
                 "33-33 0 function <+> [<+>] {(** Join two} {}\n"
                 "35-35 0 function greet [greet] {} {}\n"
                 "37-46 0 module Ring [Ring] {} {}\n"
                 "41-41 1 function Ring.put [put] {(** Put a va} {}\n"
                 "43-45 1 module Ring.Deep [Deep] {} {}\n"
                 "44-44 2 function Ring.Deep.id [id] {} {}\n"
                 "48-50 0 module Make [Make] {} {}\n"
                 "49-49 1 function Make.compare [compare] {} {}\n"
                 "52-62 0 type clock [clock] {} {}\n"
                 "57-57 1 method clock.tick [tick] {(** Move the} {}\n"
                 "59-59 1 method clock.now [now] {} {}\n"
                 "65-65 0 function run [run] {} {}\n");
}

/* What is a type and what only looks like one; which modules count. Kinds, lines and qualified names. */
static void test_parse_types(void **state)
{
    static const struct {
        enum language_id lang;
        const char *text, *want;
    } rows[] = {
        {LANGUAGE_C,
         "struct later;\n/* A node. */\ntypedef struct node {\n    int v;\n} node_t;\n"
         "typedef struct { int v; } anon, *anon_p;\ntypedef int number;\nenum { A, B };\n"
         "static struct pair { int a; } all;\nunion u { int a; };\n"
         "int f(void)\n{\n    struct in { int a; };\n    return 1;\n}\n",
         "type 3-5 node; type 6-6 anon; type 9-9 pair; type 10-10 u; function 11-15 f; "},
        {LANGUAGE_CPP,
         "namespace a {\nenum class E : int { A };\ntemplate <class T>\nstruct V<T *> {\n};\n}\n"
         "/// What all shapes have in common.\nnamespace geo::flat {\nclass geo::Box { int x; };\n"
         "using R = int;\n}\n",
         "type 2-2 a::E; type 3-5 a::V; module 8-11 geo::flat; type 9-9 geo::flat::geo::Box; "},
        {LANGUAGE_PYTHON,
         "class E(Exception): pass\n\n@x\nclass A:\n    class Meta:\n        n = 1\n"
         "    def f(self): return 1\n",
         "type 1-1 E; type 3-7 A; method 7-7 A.f; "},
        {LANGUAGE_TYPESCRIPT,
         "type P = { x: number };\ntype U = \"a\" | \"b\";\nexport const enum E { A }\n"
         "const K = class { };\ndeclare class D { }\ntype Q = P & { z: number };\n"
         "/** Helpers for text of all sorts. */\nnamespace T {\n}\nnamespace V {\n}\n",
         "type 1-1 P; type 3-3 E; type 4-4 K; type 5-5 D; type 6-6 Q; module 8-9 T; "},
        {LANGUAGE_JAVASCRIPT,
         "module.exports =\n  class Cart {\n};\nconst N = class Named {\n};\nexports.X = class "
         "{\n};\n",
         "type 1-3 Cart; type 4-5 Named; "},
        {LANGUAGE_GO,
         "package p\n\ntype (\n\tA interface {\n\t\tF()\n\t}\n\tB[T any] struct{ x T }\n)\n"
         "type H func(int)\ntype S = string\n",
         "type 4-6 A; type 7-7 B; type 9-9 H; "},
        {LANGUAGE_RUST,
         "pub struct Unit;\n#[derive(Debug)]\npub struct T(u8);\nenum E { A }\ntype X = u8;\n"
         "mod outside;\nmod tests {\n    fn f() {}\n}\nmod ring {\n    //! Rings of bytes with one "
         "reader.\n    fn g() {}\n}\nimpl T {\n    fn h() {}\n}\n",
         "type 2-3 T; type 4-4 E; function 8-8 tests::f; module 10-13 ring; "
         "function 12-12 ring::g; method 15-15 T::h; "},
        {LANGUAGE_JAVA, "interface I { }\n@interface N { }\nrecord R(int a) { }\nenum E { A }\n",
         "type 1-1 I; type 2-2 N; type 3-3 R; type 4-4 E; "},
        {LANGUAGE_CSHARP,
         "namespace A\n{\n    record P(int X);\n    enum E { A }\n    delegate int D(int x);\n}\n",
         "type 3-3 A.P; type 4-4 A.E; "},
        {LANGUAGE_RUBY,
         "# Say that nothing is left.\nmodule Shop\n  class Empty < Error; end\nend\nmodule "
         "Tools\n  def self.f\n    1\n  end\n"
         "end\n# Everything about carts and shops.\nmodule Shop\nend\n",
         "type 3-3 Shop::Empty; module 5-9 Tools; method 6-8 Tools.f; module 11-12 Shop; "},
        {LANGUAGE_PHP, "<?php\nnamespace A;\ninterface I {}\ntrait T {}\nenum S: string {}\n",
         "type 3-3 A\\I; type 4-4 A\\T; type 5-5 A\\S; "},
        {LANGUAGE_KOTLIN,
         "class Bare\ndata class P(val x: Int)\nobject O {\n    val x = 1\n}\ntypealias T = Int\n",
         "type 2-2 P; type 3-5 O; "},
        {LANGUAGE_SWIFT,
         "enum E { case a }\nactor A { }\nextension E {\n    func f() {}\n}\nprotocol P { }\n",
         "type 1-1 E; type 2-2 A; method 4-4 E.f; type 6-6 P; "},
        {LANGUAGE_SCALA,
         "case class P(x: Int)\nclass Bare\ntrait T {\n  def a: Int\n}\nenum E:\n  case A\n",
         "type 1-1 P; type 3-5 T; type 6-7 E; "},
        {LANGUAGE_ZIG,
         "const E = enum { a };\npub const U = union(enum) { a: u32 };\nconst n = 1;\n",
         "type 1-1 E; type 2-2 U; "},
        {LANGUAGE_HASKELL,
         "data A = B | C\nnewtype I = I { un :: Int }\ntype S = String\ndata V\n"
         "class K a where\n  k :: a -> a\ninstance K A where\n  k x = x\n",
         "type 1-1 A; type 2-2 I; type 5-6 K; method 8-8 A.k; "},
        {LANGUAGE_OCAML,
         "type t = A | B and r = { x : int }\ntype s = int\nmodule type S = sig val x : int end\n"
         "module M = struct let f x = x end\nmodule N = struct type q = C end\n"
         "module Map = Map.Make (String)\n",
         "type 1-1 t; type 1-1 r; type 3-3 S; module 4-4 M; function 4-4 M.f; type 5-5 N.q; "},
        {LANGUAGE_SQL,
         "CREATE TABLE a.t (id int);\nCREATE VIEW v AS SELECT 1;\nCREATE TYPE m AS ENUM ('x');\n"
         "CREATE INDEX i ON t (id);\n",
         "type 1-1 a.t; type 2-2 v; type 3-3 m; "},
    };
    struct strbuf got = {0};
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct parse_result r = parse(*state, rows[i].lang, rows[i].text, strlen(rows[i].text));

        assert_false(r.failed || r.units.partial);
        strbuf_reset(&got);
        for (k = 0; k < r.units.n; k++) {
            const struct unit *u = &r.units.units[k];

            strbuf_printf(&got, "%s %d-%d %s; ", unit_kind_name(u->kind), u->start_line,
                          u->end_line, u->qualified);
        }
        assert_string_equal(strbuf_str(&got), rows[i].want);
        parse_result_release(&r);
    }
    strbuf_release(&got);
}

/* What stands for the n-th unit of a text in a prompt. */
static void expect_outline(struct parser_pool *p, enum language_id lang, const char *text, size_t n,
                           const char *want)
{
    struct parse_result r = parse(p, lang, text, strlen(text));
    struct strbuf out = {0};

    assert_true(n < r.units.n);
    doc_hide(&out, &r.units.units[n], text, strlen(text), r.units.units, r.units.n);
    assert_string_equal(strbuf_str(&out), want);
    strbuf_release(&out);
    parse_result_release(&r);
}

static void test_outlines(void **state)
{
    static const char py[] =
        "class A(B):\n    \"\"\"Doc.\"\"\"\n\n    n = 1  # kept\n\n    # Gone.\n    @x\n"
        "    def f(self,\n          y):\n        \"\"\"Doc.\"\"\"\n        def in_it():\n"
        "            a = 1\n            return a\n        return y\n\n    class C:\n"
        "        def g(self):\n            return 1\n\n    class D:\n        m = 2\n";
    static const char cpp[] =
        "/// Doc.\nclass A {\npublic:\n    /// Gone.\n    A() : x(1) {}\n"
        "    int f() const { return x; } int g() {\n        return 2;\n    }\n"
        "    /* stays */\n    int x;\n};\n";
    static const char rust[] =
        "mod m {\n    //! Doc of a module that counts.\n\n"
        "    impl T {\n        /// Gone.\n        fn f() {\n        }\n    }\n"
        "    struct S {\n        a: u8,\n    }\n}\n";
    static const char line[] = "class A { f() { return 1 } }\nfunction f() {\n  class B {\n"
                               "    g() {\n      return 2\n    }\n  }\n}\n";

    expect_outline(
        *state, LANGUAGE_PYTHON, py, 0,
        "class A(B):\n\n    n = 1  # kept\n\n    @x\n    def f(self,\n          y): ...\n\n"
        "    class C: ...\n\n    class D:\n        m = 2");
    expect_outline(*state, LANGUAGE_CPP, cpp, 0,
                   "class A {\npublic:\n    A() : x(1) ...\n    int f() const ... int g() ...\n"
                   "    /* stays */\n    int x;\n}");
    expect_outline(*state, LANGUAGE_RUST, rust, 0,
                   "mod m {\n\n    impl T {\n        fn f() ...\n    }\n    struct S ...\n}");
    expect_outline(*state, LANGUAGE_JAVASCRIPT, line, 0, "class A { f() { return 1 } }");
    expect_outline(*state, LANGUAGE_JAVASCRIPT, line, 2, /* a function is all that is in it */
                   "function f() {\n  class B {\n    g() {\n      return 2\n    }\n  }\n}");
    expect_outline(*state, LANGUAGE_JAVASCRIPT, line, 3, "class B {\n  g() ...\n}");
}

/* ---- texts that are wrong ----------------------------------------------------------------------------- */

/* What bench/lines found in real packages: the grammar reads something else than what is written. */
static void check_text(struct parser_pool *p, enum language_id lang, const char *text,
                       const char *want)
{
    struct strbuf got = {0};
    struct parse_result r = parse(p, lang, text, strlen(text));

    assert_false(r.failed);
    describe(&got, &r, text);
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
    parse_result_release(&r);
}

/* class API Name { ... }: to the grammar a function that gives a class API. */
static void test_parse_class_behind_macro(void **state)
{
    check_text(*state, LANGUAGE_CPP,
               "/** A shape. */\n"
               "class API Shape {\n"
               "public:\n"
               "    int sides();\n"
               "    int area() { return 1; }\n"
               "};\n\n"
               "struct API Disc : public Shape {\n"
               "    Disc(int r) : r(r) { grow(); }\n"
               "    void grow() const { r = 2; }\n"
               "};\n\n"
               "template <typename T>\nclass API Of final : public Shape {\n"
               "    T area(T x) { return x; }\n"
               "};\n"
               "class API Last final {\n"
               "    int area() { return 1; }\n"
               "};\n"
               "class API MORE Two final {\n"
               "    int area() { return 1; }\n"
               "};\n",
               "2-6 0 type Shape [Shape] {/** A shape.} {}\n"
               "5-5 1 method Shape::area [area] {} {}\n"
               "8-11 0 type Disc [Disc] {} {}\n"
               "9-9 1 method Disc::Disc [Disc] {} {}\n"
               "10-10 1 method Disc::grow [grow] {} {}\n"
               "13-16 0 type Of [Of] {} {}\n"
               "15-15 1 method Of::area [area] {} {}\n"
               "17-19 0 type Last [Last] {} {}\n"
               "18-18 1 method Last::area [area] {} {}\n"
               "20-22 0 type Two [Two] {} {}\n"
               "21-21 1 method Two::area [area] {} {}\n");
    /* A variable with a list of values looks alike. */
    check_text(*state, LANGUAGE_CPP,
               "struct point p {1, 2};\nstruct point q {};\nstruct point r = {\n    1\n};\n"
               "int f() {\n    return 1;\n}\n",
               "6-8 0 function f [f] {} {}\n");
}

/* Bodies that the grammar ends too early or too late end where the text closes them. */
static void test_parse_braces(void **state)
{
    /* The macros stand for try and catch: the grammar closes a brace too early, the second becomes a function. */
    check_text(*state, LANGUAGE_CPP,
               "void log_error(int code) {\n"
               "    TRY {\n"
               "        message m(code);\n"
               "        if (m) {\n"
               "            text t; /* } */\n"
               "            if (t.of(m) == '}') {\n"
               "                put(\"}\");\n"
               "                return;\n"
               "            }\n"
               "        }\n"
               "    }\n"
               "    CATCH(...) {}\n"
               "    put_code(code);\n"
               "}\n\n"
               "int after() {\n    return 1;\n}\n",
               "1-14 0 function log_error [log_error] {} {}\n"
               "16-18 0 function after [after] {} {}\n");
    /* The grammar ends the class before the condition. */
    check_text(*state, LANGUAGE_SWIFT,
               "open class Handler: Base {\n"
               "  public override required init() {}\n\n"
               "  /** Makes one. */\n"
               "  #if os(iOS) || os(tvOS)\n"
               "  @objc\n"
               "  open func make(of kind: Kind) -> View? {\n"
               "    return nil\n"
               "  }\n"
               "  #endif\n\n"
               "  @objc\n"
               "  open func free(one: View) -> URL? {\n"
               "    return \"}\"\n"
               "  }\n"
               "}\n",
               "1-16 0 type Handler [Handler] {} {}\n"
               "2-2 1 method Handler.init [init] {} {}\n"
               "6-9 1 method Handler.make [make] {} {}\n"
               "12-15 1 method Handler.free [free] {} {}\n");
}

/* Of the branches of a condition the first counts; without the layout's word the grammar has it. */
static void test_parse_braces_doubt(void **state)
{
    check_text(*state, LANGUAGE_CPP,
               "void log_error(int code) {\n"
               "    TRY {\n"
               "        message m(code);\n"
               "#ifdef LONG\n"
               "        if (m && code > 1) {\n"
               "#else\n"
               "        if (m) {\n"
               "#endif\n"
               "            put(m);\n"
               "        }\n"
               "    }\n"
               "    CATCH(...) {}\n"
               "    put_code(code);\n"
               "}\n",
               "1-14 0 function log_error [log_error] {} {}\n");
    check_text(*state, LANGUAGE_SWIFT,
               "open class Handler: Base {\n"
               "  public override required init() {}\n\n"
               "  /** Makes one. */\n"
               "  #if os(iOS) || os(tvOS)\n"
               "  @objc\n"
               "  open func make(of kind: Kind) -> View? {\n"
               "    return nil\n"
               "  }\n"
               "  #endif\n\n"
               "  @objc\n"
               "  open func free(one: View) -> URL? {\n"
               "    return nil\n"
               "  } }\n",
               "1-4 0 type Handler [Handler] {} {}\n"
               "2-2 1 method Handler.init [init] {} {}\n"
               "6-9 0 function make [make] {} {}\n"
               "12-15 0 function free [free] {} {}\n");
}

static void test_parse_misread(void **state)
{
    /* The macro is taken for the type, and the type for the name. */
    check_text(*state, LANGUAGE_C,
               "API status pool_drain(struct pool *p, int n);\n\n"
               "API status pool_trim (struct pool *p, int n)\n{\n    return n;\n}\n"
               "API status pool_grow(pool_t *p, const void *q)\n{\n    return n;\n}\n",
               "3-6 0 function pool_trim [pool_trim] {} {}\n"
               "7-10 0 function pool_grow [pool_grow] {} {}\n");
    /* So it is in C++; then a constructor goes by its first member, a destructor loses its sign. */
    check_text(*state, LANGUAGE_CPP,
               "struct node {\n"
               "    int size;\n"
               "    template <typename T>\n"
               "    MACRO node(const T& from) : size(from) {}\n"
               "    MACRO ~node() { drop(size); }\n"
               "    MACRO operator int() { return size; }\n"
               "    explicit node(int n) : size(n) {}\n"
               "    ~node() {}\n"
               "};\n",
               "1-9 0 type node [node] {} {}\n"
               "3-4 1 method node::node [node] {} {}\n"
               "5-5 1 method node::~node [~node] {} {}\n"
               "6-6 1 method node::operator int [operator int] {} {}\n"
               "7-7 1 method node::node [node] {} {}\n"
               "8-8 1 method node::~node [~node] {} {}\n");
    /* A statement is no function, although the one around it is lost to the grammar. */
    check_text(
        *state, LANGUAGE_CPP,
        "struct node {\n    MACRO sign::kind get(char c, int n) {\n        CHECK(c < n, \"\");\n"
        "        if (c)\n            return sign::no;\n        auto s = of(c);\n"
        "        if (s != sign::up)\n            return s == sign::down ? sign::yes : sign::no;\n"
        "        ++b[n - 1];\n        for (int i = 0; i > 0 && b[i] > 9; --i) {\n"
        "            b[i] = 0;\n        }\n        return s;\n    }\n};\n",
        "1-15 0 type node [node] {} {}\n");
    /* Outside of classes the grammar takes an annotation with an argument for a statement. */
    check_text(
        *state, LANGUAGE_KOTLIN,
        "package store\n\n"
        "/** Frees all. */\n@Suppress(\"A\")\n@Since(\"2\")\npublic fun drain(): Int =\n    1\n\n"
        "/** Adds one. */\n@Suppress(\"B\") @Open\nfun add() {\n}\n\n"
        "val x = -(1)\nfun last() = 3\n",
        "4-7 0 function drain [drain] {/** Frees al} {}\n"
        "10-12 0 function add [add] {/** Adds one} {}\n"
        "15-15 0 function last [last] {} {}\n");
    /* And the body of a class below a long header for a block. */
    check_text(*state, LANGUAGE_SCALA,
               "class Ring[A] extends Base[A]\n    with Map[A]\n    with Serial\n{\n"
               "  def size: Int = 1\n}\n\n{\n  def loose: Int = 2\n}\n",
               "1-6 0 type Ring [Ring] {} {}\n"
               "5-5 1 method Ring.size [size] {} {}\n"
               "9-9 0 function loose [loose] {} {}\n");
}

static void test_parse_broken(void **state)
{
    static const char errors[] = "int good(void)\n{\n    return 1;\n}\n\nint bad( {{{ ] ;;\n\nint "
                                 "other(void)\n{\n    return 2;\n}\n";
    static const char nul[] = "def f():\n    return 1\n\0\ndef g():\n    return 2\n";
    static const char bodiless[] =
        "class A:\n    def f(self):\n\n    def g(self):\n        return 1\n";
    static const char line[] = "interface I { fun z() = 1 }\n\nfun g() = 2\n";
    static const char operators[] =
        "-- One.\nCREATE FUNCTION f(int) RETURNS int\nAS $$ SELECT 1 $$\nLANGUAGE SQL;\n\n"
        "-- A class.\nCREATE OPERATOR CLASS c\nDEFAULT FOR TYPE t USING gin\nAS\n    OPERATOR 1 "
        "<,\n"
        "    FUNCTION 1 f(int),\nSTORAGE t;\n\nCREATE FUNCTION g(int) RETURNS int\nAS $$ SELECT 2 "
        "$$\n"
        "LANGUAGE SQL;\n";
    static const char latin[] = "def caf\xe9():\n    return '\xff'\n";
    struct parse_result r = parse(*state, LANGUAGE_C, errors, sizeof(errors) - 1);

    assert_false(r.failed);
    assert_true(r.units.partial);
    assert_true(r.units.n >= 1);
    assert_string_equal(r.units.units[0].name, "good");
    parse_result_release(&r);
    r = parse(*state, LANGUAGE_PYTHON, nul, sizeof(nul) - 1);
    assert_false(r.failed);
    assert_true(r.units.n >= 1);
    parse_result_release(&r);
    r = parse(*state, LANGUAGE_PYTHON, latin, sizeof(latin) - 1);
    assert_false(r.failed); /* names become plain text whatever their bytes are */
    parse_result_release(&r);
    /* Error recovery gives the first one a body of no length: it is no unit, and costs the others nothing. */
    r = parse(*state, LANGUAGE_PYTHON, bodiless, sizeof(bodiless) - 1);
    assert_false(r.failed);
    assert_int_equal(r.units.n, 2);
    assert_string_equal(r.units.units[0].qualified, "A");
    assert_string_equal(r.units.units[1].qualified, "A.g");
    parse_result_release(&r);
    /* The grammar takes no body on one line; what is in it is found all the same. */
    r = parse(*state, LANGUAGE_KOTLIN, line, sizeof(line) - 1);
    assert_false(r.failed);
    assert_true(r.units.partial);
    assert_int_equal(r.units.n, 3);
    assert_string_equal(r.units.units[0].qualified, "I");
    assert_string_equal(r.units.units[1].qualified, "I.z");
    assert_string_equal(r.units.units[2].qualified, "g");
    parse_result_release(&r);
    /* Error recovery lets the function behind an operator class begin with it. */
    r = parse(*state, LANGUAGE_SQL, operators, sizeof(operators) - 1);
    assert_false(r.failed);
    assert_int_equal(r.units.n, 2);
    assert_string_equal(r.units.units[1].qualified, "g");
    assert_int_equal(r.units.units[1].start_line, 14);
    assert_int_equal(r.units.units[1].end_line, 16);
    assert_int_equal(span_len(r.units.units[1].doc), 0);
    parse_result_release(&r);
    r = parse(*state, LANGUAGE_GO, "", 0);
    assert_false(r.failed);
    assert_int_equal(r.units.n, 0);
    parse_result_release(&r);
    r = parse(*state, LANGUAGE_RUST,
              "\xef\xbb\xbf"
              "fn f() {\n}\r\n",
              15);
    assert_int_equal(r.units.n, 1);
    parse_result_release(&r);
}

/* A sound function of each language, then what is none of it: the first is found, and the file called partial. */
static void test_parse_broken_each(void **state)
{
    static const char junk[] = "\n\n)))) fi end ]] }}} ((( = = {{{ \"\"\" ' /* (* {- -->\n";
    static const struct {
        const char *good, *name;
    } rows[LANGUAGE_GRAMMARS] = {
        [LANGUAGE_C] = {"int f(void)\n{\n    return 1;\n}", "f"},
        [LANGUAGE_CPP] = {"struct A {\n    int f() { return 1; }\n};", "A::f"},
        [LANGUAGE_PYTHON] = {"def f():\n    return 1", "f"},
        [LANGUAGE_JAVASCRIPT] = {"function f() {\n  return 1;\n}", "f"},
        [LANGUAGE_TYPESCRIPT] = {"function f(): number {\n  return 1;\n}", "f"},
        [LANGUAGE_TSX] = {"function f(): number {\n  return 1;\n}", "f"},
        [LANGUAGE_GO] = {"package p\n\nfunc f() int {\n\treturn 1\n}", "f"},
        [LANGUAGE_RUST] = {"fn f() -> u8 {\n    1\n}", "f"},
        [LANGUAGE_JAVA] = {"class A {\n    int f() { return 1; }\n}", "A.f"},
        [LANGUAGE_CSHARP] = {"class A\n{\n    int F() { return 1; }\n}", "A.F"},
        [LANGUAGE_RUBY] = {"class A\n  def f\n    1\n  end\nend", "A.f"},
        [LANGUAGE_PHP] = {"<?php\nfunction f() {\n    return 1;\n}", "f"},
        [LANGUAGE_KOTLIN] = {"fun f(): Int {\n    return 1\n}", "f"},
        [LANGUAGE_SWIFT] = {"func f() -> Int {\n    return 1\n}", "f"},
        [LANGUAGE_SCALA] = {"object A {\n  def f(): Int = {\n    1\n  }\n}", "A.f"},
        [LANGUAGE_LUA] = {"function f()\n  return 1\nend", "f"},
        [LANGUAGE_BASH] = {"f() {\n    echo 1\n}", "f"},
        [LANGUAGE_ZIG] = {"fn f() u8 {\n    return 1;\n}", "f"},
        [LANGUAGE_HASKELL] = {"f :: Int -> Int\nf x = x + 1", "f"},
        [LANGUAGE_OCAML] = {"let f x =\n  x + 1", "f"},
        [LANGUAGE_SQL] = {"CREATE FUNCTION f() RETURNS integer\n  RETURN 1;", "f"},
    };
    struct strbuf b = {0};
    size_t i;
    int lang;

    for (lang = LANGUAGE_NONE + 1; lang < LANGUAGE_GRAMMARS; lang++) {
        struct parse_result r;

        strbuf_reset(&b);
        strbuf_puts(&b, rows[lang].good);
        strbuf_puts(&b, junk);
        r = parse(*state, (enum language_id)lang, strbuf_str(&b), b.len);
        assert_false(r.failed);
        assert_int_equal(r.n_ends, 0);
        if (!r.units.partial || r.units.n < 1)
            fail_msg("%s: %zu units of a broken text", language_get((enum language_id)lang)->name,
                     r.units.n);
        i = unit_is_outline(&r.units.units[0]) ? 1 : 0; /* what it stands in comes first */
        assert_true(r.units.n > i);
        assert_string_equal(r.units.units[i].qualified, rows[lang].name);
        parse_result_release(&r);
    }
    strbuf_release(&b);
}

/* Each sample cut anywhere, and with a byte changed: an answer every time, by a worker that lives on. */
static void test_parse_cut(void **state)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(samples); i++) {
        enum language_id lang = language_of_name(samples[i], strlen(samples[i]));
        size_t n, at, step;
        char *text = get_sample(samples[i], &n);

        step = n / 24 + 1;
        for (at = 0; at < n; at += step) {
            struct parse_result r = parse(*state, lang, text, at);

            assert_false(r.failed);
            assert_int_equal(r.n_ends, 0);
            parse_result_release(&r);
            text[at] = "({\"'`<[)}"[at % 9];
            r = parse(*state, lang, text, n);
            assert_false(r.failed);
            assert_int_equal(r.n_ends, 0);
            parse_result_release(&r);
        }
        free(text);
    }
}

/* The least share of memory is enough for a worker that meets all languages, twice. */
static void test_parse_least_share(void **state)
{
    struct parser_pool *p;
    struct dobby_err e = {0};
    size_t i;

    (void)state;
    assert_int_equal(parser_pool_open(&p, 1, PARSE_MIN_SHARE, self, &e), 0);
    for (i = 0; i < 2 * ARRAY_LEN(samples); i++) {
        const char *name = samples[i % ARRAY_LEN(samples)];
        size_t n;
        char *text = get_sample(name, &n);
        struct parse_result r = parse(p, language_of_name(name, strlen(name)), text, n);

        if (r.failed)
            fail_msg("%s: %s", name, r.note);
        parse_result_release(&r);
        free(text);
    }
    parser_pool_free(p);
}

/* The swift scanner had no memory for its state, which was whatever the heap held, and did not forget: as it comes here, with
 * scripts/setup's repairs. A sanitizer sees a state that lies outside. */
static void test_parse_swift_scanner(void **state)
{
    static const char three[4] = {0, 0, 0, 3}, none[4] = {0};
    char bytes[1024];
    void *scanner = tree_sitter_swift_external_scanner_create();
    uint32_t n_hashes;

    (void)state;
    memcpy(&n_hashes, scanner, sizeof(n_hashes));
    assert_int_equal(n_hashes, 0);
    tree_sitter_swift_external_scanner_deserialize(scanner, three, sizeof(three));
    assert_int_equal(tree_sitter_swift_external_scanner_serialize(scanner, bytes), sizeof(three));
    assert_memory_equal(bytes, three, sizeof(three));
    tree_sitter_swift_external_scanner_deserialize(scanner, NULL, 0);
    assert_int_equal(tree_sitter_swift_external_scanner_serialize(scanner, bytes), sizeof(none));
    assert_memory_equal(bytes, none, sizeof(none));
    tree_sitter_swift_external_scanner_destroy(scanner);
}

/* Deep nesting: no recursion of ours, no crash of a grammar that costs more than the file. */
static void test_parse_deep(void **state)
{
    struct strbuf b = {0};
    struct parse_result r;
    int i, lang;

    for (i = 0; i < 600; i++)
        strbuf_printf(&b, "%*sif 1:\n", i, "");
    strbuf_printf(&b, "%*s'a'\n", 600, "");
    r = parse(*state, LANGUAGE_PYTHON, strbuf_str(&b), b.len);
    parse_result_release(&r);
    strbuf_reset(&b);
    for (i = 0; i < 10000; i++)
        strbuf_putc(&b, '(');
    strbuf_putc(&b, '1');
    for (i = 0; i < 10000; i++)
        strbuf_putc(&b, ')');
    for (lang = LANGUAGE_NONE + 1; lang < LANGUAGE_GRAMMARS; lang++) {
        r = parse(*state, (enum language_id)lang, strbuf_str(&b), b.len);
        parse_result_release(&r);
    }
    strbuf_reset(&b);
    for (i = 0; i < 3000; i++)
        strbuf_printf(&b, "function f%d() {\n\n", i);
    for (i = 0; i < 3000; i++)
        strbuf_puts(&b, "}\n");
    r = parse(*state, LANGUAGE_JAVASCRIPT, strbuf_str(&b), b.len);
    assert_false(r.failed);
    assert_int_equal(r.units.n, 3000);
    assert_int_equal(r.units.units[2999].depth, 2999);
    assert_true(strlen(r.units.units[2999].qualified) <= PROTOCOL_MAX_NAME);
    parse_result_release(&r);
    r = parse(*state, LANGUAGE_C, "int f(void)\n{\n    return 0;\n}\n", 30);
    assert_int_equal(r.units.n, 1); /* the pool is well */
    parse_result_release(&r);
    strbuf_release(&b);
}

/* 4 MB of small functions: linear in time, all found. */
static void test_parse_large(void **state)
{
    struct strbuf b = {0};
    struct parse_result r;
    int i;

    for (i = 0; b.len < PARSE_MAX_SOURCE - 200 && i < 40000; i++)
        strbuf_printf(&b, "/* Comment number %d. */\nint f%d(int a)\n{\n    return a + %d;\n}\n\n",
                      i, i, i);
    r = parse(*state, LANGUAGE_C, strbuf_str(&b), b.len);
    assert_string_equal(r.note, "");
    assert_int_equal(r.units.n, i);
    assert_int_equal(span_len(r.units.units[i - 1].doc), strlen("/* Comment number 39999. */"));
    assert_int_equal(r.units.units[i - 1].end_line, 6 * i - 1);
    parse_result_release(&r);
    strbuf_release(&b);
}

static void test_parse_too_many(void **state)
{
    struct strbuf b = {0};
    struct parse_result r;
    int i;

    for (i = 0; i < PROTOCOL_MAX_UNITS + 10; i++)
        strbuf_printf(&b, "void f%d(){}\n", i);
    r = parse(*state, LANGUAGE_C, strbuf_str(&b), b.len);
    assert_true(r.failed);
    assert_string_equal(r.note, "too many units");
    assert_int_equal(r.units.n, 0);
    parse_result_release(&r);
    strbuf_release(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_c_family),
        cmocka_unit_test(test_parse_python),
        cmocka_unit_test(test_parse_scripts),
        cmocka_unit_test(test_parse_others),
        cmocka_unit_test(test_parse_csharp),
        cmocka_unit_test(test_parse_ruby_php),
        cmocka_unit_test(test_parse_kotlin_swift_scala),
        cmocka_unit_test(test_parse_lua_bash_zig_sql),
        cmocka_unit_test(test_parse_haskell_ocaml),
        cmocka_unit_test(test_parse_types),
        cmocka_unit_test(test_outlines),
        cmocka_unit_test(test_parse_class_behind_macro),
        cmocka_unit_test(test_parse_braces),
        cmocka_unit_test(test_parse_braces_doubt),
        cmocka_unit_test(test_parse_misread),
        cmocka_unit_test(test_parse_broken),
        cmocka_unit_test(test_parse_broken_each),
        cmocka_unit_test(test_parse_cut),
        cmocka_unit_test(test_parse_least_share),
        cmocka_unit_test(test_parse_swift_scanner),
        cmocka_unit_test(test_parse_deep),
        cmocka_unit_test(test_parse_large),
        cmocka_unit_test(test_parse_too_many),
    };
    int worker = parser_worker(argc, argv);

    if (worker >= 0)
        return worker;
    return cmocka_run_group_tests_name("code/parse", tests, open_shared, close_shared);
}
