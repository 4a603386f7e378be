/* test_words.c - what units call and which other names they use: each language, nesting, bounds, hostile texts. */
#include "support/parser_help.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"

#include <stdio.h>

/* The units of each as "name: calls | uses". */
static const struct {
    const char *name, *text, *want;
} samples[] = {
    {"A.java",
     "class Cart extends Base implements Named {\n"
     "    private final List<Item> items = new ArrayList<>();\n"
     "    Cart(Item first) { super(first); add(first); }\n"
     "    @Override public int total(Tax tax) { this.check(tax); return "
     "items.stream().map(Item::price).reduce(RATE, new Sum<Item>(tax)); }\n"
     "}\n",
     "Cart: ArrayList | Base Named List Item items\n"
     "Cart.Cart: super add | Item first\n"
     "Cart.total: check stream map reduce Sum | Override Tax tax items Item price RATE\n"},
    {"a.c",
     "static int load(struct ring *r, int count)\n"
     "{\n"
     "    /* not called(x) */\n"
     "    int total = r->size + MAX_RINGS;\n"
     "    puts(\"no_string(y)\");\n"
     "    ring_put(r, total);\n"
     "    r->hook(count, on_done);\n"
     "    (*fallback)(count);\n"
     "    LOG_IT(total);\n"
     "    return load(r, 1) + ring_put(r, 2);\n"
     "}\n"
     "struct pair { struct item *left; size_t n_left; handler_fn done; };\n",
     "load: puts ring_put hook LOG_IT load | ring count total size MAX_RINGS on_done fallback\n"
     "pair:  | item left n_left handler_fn done\n"},
    {"a.cpp",
     "template <typename T> class Box : public Base<T> {\n"
     "    std::vector<T> items_;\n"
     "    Color tint = make_color(1);\n"
     "  public:\n"
     "    int draw(Canvas &canvas) { canvas.line(kWidth); this->flush(); geo::scale<int>(2); auto "
     "p = new Pen(3); canvas.as<Svg>(4); return Point{1}.norm(); }\n"
     "};\n",
     "Box: make_color | Base std vector items_ Color tint\n"
     "Box::draw: line flush scale Pen as Point norm | Canvas canvas kWidth geo Svg\n"},
    {"a.cs",
     "class Cart : Base {\n"
     "    List<Item> items = new List<Item>();\n"
     "    public int Total(Tax tax) { this.Check(tax); tax?.Apply(Rate); Wrap<int>(items); "
     "base.Total(tax); return new Money.Sum(items.Count).Value; }\n"
     "}\n",
     "Cart: List | Base Item items\n"
     "Cart.Total: Check Apply Wrap Total Sum | Tax tax Rate items Money Count Value\n"},
    {"a.go",
     "package a\n"
     "func (p *Pool) Get(ctx context.Context) (*Conn, error) {\n"
     "\tgo p.fill(maxConns)\n"
     "\tc := Conn{owner: p}\n"
     "\tdefer c.lock.Unlock()\n"
     "\tx := conv[int](2)\n"
     "\treturn wrap(&c, x), errors.New(\"a(b)\")\n"
     "}\n"
     "type Conn struct { owner *Pool; lock sync.Mutex }\n",
     "Pool.Get: fill Unlock conv wrap New | Pool ctx context Context Conn error maxConns owner "
     "lock int errors\n"
     "Conn:  | owner Pool lock sync Mutex\n"},
    {"a.hs",
     "module A where\n"
     "data Cart = Cart { owner :: Person, limit :: Size }\n"
     "total :: Tax -> Cart -> IO Int\n"
     "total tax cart = do\n"
     "  check tax (limit cart)\n"
     "  let sums = map priceOf (items cart)\n"
     "  print $ Map.lookup rate sums\n"
     "  tax `applyTo` cart\n"
     "  pure (foldr plus base sums)\n",
     "Cart:  | owner Person limit Size\n"
     "total: check limit map items print lookup applyTo pure foldr | Tax Cart IO Int tax cart sums "
     "priceOf rate plus base\n"},
    {"a.js",
     "class Cart extends Base {\n"
     "  static limit = compute(4);\n"
     "  add(item) {\n"
     "    super.add(item);\n"
     "    this.items.push(new Entry(item, { key: item.name, done }));\n"
     "    this.#touch();\n"
     "    const list = new api.List(onDone);\n"
     "    return list?.size() ?? DEFAULT;\n"
     "  }\n"
     "}\n",
     "Cart: compute | Base limit\n"
     "Cart.add: add push Entry #touch List size | item items key name done list api onDone "
     "DEFAULT\n"},
    {"a.kt",
     "class Cart(val owner: Person) : Base(owner), Named {\n"
     "    val limit: Size = compute(4)\n"
     "    fun total(tax: Tax): Int {\n"
     "        this.check(tax)\n"
     "        items.map { priceOf(it) }\n"
     "        return Sum<Item>(RATE).value\n"
     "    }\n"
     "}\n",
     "Cart: compute | owner Person Base Named limit Size\n"
     "Cart.total: check map priceOf Sum | tax Tax Int items it Item RATE value\n"},
    {"a.lua",
     "function Cart:total(tax)\n"
     "  self:check(tax)\n"
     "  local sum = util.sum(self.items, price_of)\n"
     "  print \"no(x)\"\n"
     "  return sum * RATE\n"
     "end\n",
     "Cart:total: check sum print | Cart tax util items price_of RATE\n"},
    {"a.ml",
     "type cart = { owner : person; limit : Size.t }\n"
     "let total tax cart =\n"
     "  check tax cart.limit;\n"
     "  let sums = List.map price_of cart.items in\n"
     "  print_int @@ sum rate sums;\n"
     "  cart#apply tax;\n"
     "  new basket (Some sums)\n",
     "cart:  | owner person limit Size\n"
     "total: check map print_int sum apply basket Some | tax cart limit sums List price_of items "
     "rate\n"},
    {"a.php",
     "<?php\n"
     "class Cart extends Base { use Named; private Item $first;\n"
     "  function total(Tax $tax): int { $this->check($tax); $sum = new Money\\Sum(RATE); "
     "parent::total($tax); $tax?->apply(self::LIMIT); return array_map('price_of', "
     "Price::of($this->items)); }\n"
     "}\n",
     "Cart:  | Base Named Item first\n"
     "Cart::total: check Sum total apply array_map of | Tax tax sum Money RATE LIMIT Price "
     "items\n"},
    {"a.py",
     "@dataclass(frozen=True)\n"
     "class Cart(Base, metaclass=Meta):\n"
     "    limit: int = default_limit()\n"
     "    owner: Person\n"
     "\n"
     "    def total(self, tax):\n"
     "        \"\"\"Say nothing(of) this.\"\"\"\n"
     "        self.check(tax)\n"
     "        super().total(tax)\n"
     "        return sum(map(price_of, self.items)) + json.loads(f\"{name_of(RATE)}\")\n",
     "Cart: dataclass default_limit | frozen Base metaclass Meta limit int owner Person\n"
     "Cart.total: check super total sum map loads name_of | tax price_of items json RATE\n"},
    {"a.rb",
     "class Cart < Base\n"
     "  include Named\n"
     "  def total(tax)\n"
     "    check(tax)\n"
     "    @items.map { |item| item.price_of(tax) }\n"
     "    super\n"
     "    raise TaxError, \"bad(x)\" unless tax\n"
     "    Sum.new(RATE)\n"
     "  end\n"
     "end\n",
     "Cart: include | Base Named\n"
     "Cart.total: check map price_of super raise Sum | tax items item TaxError RATE\n"},
    {"a.rs",
     "impl Ring {\n"
     "    pub fn push(&mut self, item: Item) -> Result<usize, Error> {\n"
     "        self.check(item.size)?;\n"
     "        let list = Vec::<u8>::with_capacity(MAX);\n"
     "        println!(\"{}\", name_of(self.head));\n"
     "        let e = Entry { item, next: None };\n"
     "        list.iter().map(wrap).collect::<Vec<_>>();\n"
     "        Ok(helper::<u8>(e))\n"
     "    }\n"
     "}\n",
     "Ring::push: check with_capacity println name_of iter map collect Ok helper | item Item "
     "Result Error size list Vec MAX head Entry next None wrap\n"},
    {"a.scala",
     "class Cart(owner: Person) extends Base(owner) with Named {\n"
     "  val limit: Size = compute(4)\n"
     "  def total(tax: Tax): Int = {\n"
     "    this.check(tax)\n"
     "    items.map(item => priceOf(item))\n"
     "    val sum = new Sum[Item](RATE)\n"
     "    Money.of[Int](sum)\n"
     "  }\n"
     "}\n",
     "Cart: compute | owner Person Base Named limit Size\n"
     "Cart.total: check map priceOf Sum of | tax Tax Int items item sum Item RATE Money\n"},
    {"a.sh",
     "total() {\n"
     "  local sum=\"$1\"\n"
     "  check \"$tax\" | sort -n\n"
     "  for item in \"${items[@]}\"; do add_one \"$(price_of \"$item\")\"; done\n"
     "  ./run.sh\n"
     "  echo \"done(x) $RATE\"\n"
     "}\n",
     "total: check sort add_one price_of echo | sum tax item items RATE\n"},
    {"a.sql",
     "create function total(tax int) returns int as $$ select sum(price), shop.apply_tax(tax) from "
     "items join \"Carts\" on items.cart = coalesce(rate, 0) $$ language sql;\n"
     "create table carts (owner person, size int default compute(4));\n",
     "total: sum apply_tax coalesce | tax price shop items Carts cart rate sql\n"
     "carts: compute | owner person size\n"},
    {"a.swift",
     "class Cart: Base, Named {\n"
     "    let limit: Size = compute(4)\n"
     "    func total(tax: Tax) -> Int {\n"
     "        self.check(tax)\n"
     "        items.map { priceOf($0) }\n"
     "        super.total(tax: tax)\n"
     "        return Sum<Item>(RATE).value\n"
     "    }\n"
     "}\n",
     "Cart: compute | Base Named limit Size\n"
     "Cart.total: check map priceOf total Sum | tax Tax Int items Item RATE value\n"},
    {"a.ts",
     "export function pick<T extends Base>(from: Map<string, T>, make: Maker): Result {\n"
     "  const entry = from.get<number>(KEY)!;\n"
     "  log!(entry as Entry);\n"
     "  return new Result<T>(make, util.wrap(entry));\n"
     "}\n"
     "interface Shape extends Named { area: Size; draw(on: Canvas): void }\n",
     "pick: get log Result wrap | Base from Map make Maker entry KEY Entry util\n"
     "Shape:  | Named area Size draw on Canvas\n"},
    {"a.tsx",
     "export function Names(props: Props) {\n"
     "  useMemo(sortNames);\n"
     "  return <List items={load(props.names)}><Row kind=\"a\"/></List>;\n"
     "}\n",
     "Names: useMemo load | props Props sortNames List items names Row kind\n"},
    {"a.zig",
     "const Cart = struct { owner: *Person, limit: Size = compute(4),\n"
     "    fn total(self: *Cart, tax: Tax) !u32 {\n"
     "        try self.check(tax);\n"
     "        const sum = Sum{ .rate = RATE };\n"
     "        std.debug.print(\"no(x)\", .{sum});\n"
     "        return wrap(sum);\n"
     "    }\n"
     "};\n",
     "Cart: compute | owner Person limit Size\n"
     "Cart.total: check print wrap | Cart tax Tax sum Sum rate RATE std debug\n"},
};

static void add_list(struct strbuf *out, const char *list)
{
    for (; list && *list; list++)
        strbuf_putc(out, *list == '\n' ? ' ' : *list);
    if (!list)
        strbuf_puts(out, "?");
}

static void describe(struct strbuf *out, const struct parse_result *r)
{
    for (size_t i = 0; i < r->units.n; i++) {
        const struct unit *u = &r->units.units[i];

        strbuf_printf(out, "%s: ", u->qualified);
        add_list(out, u->calls);
        strbuf_puts(out, " | ");
        add_list(out, u->uses);
        strbuf_puts(out, "\n");
    }
}

static void expect(struct parser_pool *p, const char *name, const char *text, size_t len,
                   const char *want)
{
    struct strbuf got = {0};
    struct parse_result r = parse(p, language_of_name(name, strlen(name)), text, len);

    assert_false(r.failed);
    describe(&got, &r);
    if (strcmp(strbuf_str(&got), want) != 0)
        fail_msg("%s: %s, not %s", name, strbuf_str(&got), want);
    strbuf_release(&got);
    parse_result_release(&r);
}

static void test_words_languages(void **state)
{
    bool met[LANGUAGE_GRAMMARS] = {false};

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        met[language_of_name(samples[i].name, strlen(samples[i].name))] = true;
        expect(*state, samples[i].name, samples[i].text, strlen(samples[i].text), samples[i].want);
    }
    for (size_t i = 0; i < LANGUAGE_GRAMMARS; i++)
        assert_true(met[i] || !language_has_grammar((enum language_id)i));
}

/* What stands in a unit of its own is not the type's around it, but every function's; short inner ones are none. */
static void test_words_nesting(void **state)
{
    static const char text[] = "class Outer(Base):\n"
                               "    first: Kind\n"
                               "    def run(self):\n"
                               "        before()\n"
                               "        def inner(arg):\n"
                               "            log(arg)\n"
                               "            before(inner)\n"
                               "        class Local:\n"
                               "            field = make()\n"
                               "            def go(self):\n"
                               "                deep(first)\n"
                               "                return first\n"
                               "        def tiny(): brief()\n"
                               "        return inner(arg)\n"
                               "    last = made()\n";

    expect(*state, "a.py", text, sizeof(text) - 1,
           "Outer: made | Base first Kind last\n"
           "Outer.run: before log make deep brief inner | arg Local field go first tiny\n"
           "Outer.run.inner: log before | arg\n"
           "Outer.run.Local: make | field\n"
           "Outer.run.Local.go: deep | first\n");
}

static size_t count_names(const char *list)
{
    size_t n = *list != 0;

    for (; *list; list++)
        n += *list == '\n';
    return n;
}

static void test_words_bounds(void **state)
{
    struct strbuf text = {0};
    struct parse_result r;

    strbuf_puts(&text, "int f(void)\n{\n");
    for (int i = 0; i < 100; i++)
        strbuf_printf(&text, "    call%d(use%d);\n", i, i);
    strbuf_puts(&text, "}\nint g(void)\n{\n");
    for (int i = 0; i < 40; i++)
        strbuf_printf(&text, "    n%0100d();\n", i);
    strbuf_puts(&text, "    n");
    for (int i = 0; i < UNIT_WORD_BYTES; i++)
        strbuf_putc(&text, 'x');
    strbuf_puts(&text, ";\n    short_one;\n}\n");
    r = parse(*state, LANGUAGE_C, text.s, text.len);
    assert_int_equal(r.units.n, 2);
    assert_int_equal(count_names(r.units.units[0].calls), UNIT_MAX_WORDS);
    assert_int_equal(count_names(r.units.units[0].uses), UNIT_MAX_WORDS);
    assert_memory_equal(r.units.units[0].calls, "call0\ncall1\n", 12);
    assert_non_null(strstr(r.units.units[0].uses, "use47"));
    assert_int_equal(count_names(r.units.units[1].calls), 14); /* of 101 bytes and a line end */
    assert_true(strlen(r.units.units[1].calls) <= UNIT_WORDS_BYTES);
    assert_string_equal(r.units.units[1].uses, "short_one");
    parse_result_release(&r);
    strbuf_release(&text);
}

/* Deep chains and nests take no more than their length; where lists outgrow the text, they are not known. */
static void test_words_deep(void **state)
{
    struct strbuf text = {0};
    struct parse_result r;

    strbuf_puts(&text, "int f(void)\n{\n    return ");
    for (int i = 0; i < 20000; i++)
        strbuf_puts(&text, i % 10 ? "deep(" : "deep(\n");
    strbuf_puts(&text, "one");
    for (int i = 0; i < 20000; i++)
        strbuf_puts(&text, i % 10 ? ")" : ")\n");
    strbuf_puts(&text, ";\n}\n");
    r = parse(*state, LANGUAGE_C, text.s, text.len);
    assert_false(r.failed);
    assert_int_equal(r.units.n, 1);
    assert_string_equal(r.units.units[0].calls, "deep");
    assert_string_equal(r.units.units[0].uses, "one");
    parse_result_release(&r);
    strbuf_reset(&text);
    for (int i = 0; i < 2000; i++)
        strbuf_printf(&text, "function fn%d() {\n  name%d();\n", i, i);
    for (int i = 0; i < 2000; i++)
        strbuf_puts(&text, "}\n");
    r = parse(*state, LANGUAGE_JAVASCRIPT, text.s, text.len);
    assert_false(r.failed);
    assert_int_equal(r.units.n, 2000);
    assert_null(
        r.units.units[0].calls); /* it ends behind the place where they had grown too long */
    parse_result_release(&r);
    strbuf_release(&text);
}

/* Names that a terminal would obey or that are no text are left out. */
static void test_words_hostile(void **state)
{
    static const char text[] = "function f() {\n  a\xe2\x80\xae"
                               "b(x\xff"
                               "y);\n  gr\xc3\xb6\xc3\x9f"
                               "e(name);\n}\n";
    struct parse_result r = parse(*state, LANGUAGE_JAVASCRIPT, text, sizeof(text) - 1);

    assert_false(r.failed);
    assert_true(r.units.n > 0);
    for (size_t i = 0; i < r.units.n; i++) {
        assert_null(strstr(r.units.units[i].calls, "\xe2\x80\xae"));
        assert_null(strchr(r.units.units[i].uses, (char)0xff));
    }
    assert_non_null(strstr(r.units.units[0].calls, "gr\xc3\xb6\xc3\x9f"
                                                   "e"));
    parse_result_release(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_languages), cmocka_unit_test(test_words_nesting),
        cmocka_unit_test(test_words_bounds),    cmocka_unit_test(test_words_deep),
        cmocka_unit_test(test_words_hostile),
    };
    int worker = parser_worker(argc, argv);

    if (worker >= 0)
        return worker;
    return cmocka_run_group_tests_name("code/words", tests, open_shared, close_shared);
}
