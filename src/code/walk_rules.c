/* walk_rules.c - built-in lists, and the order of all lists (code). The manual is walk_rules.h. */
#include "code/walk_rules.h"

#include <string.h>

static const char vendored[] = "node_modules/\n"
                               "bower_components/\n"
                               "jspm_packages/\n"
                               "vendor/\n"
                               "third_party/\n"
                               "third-party/\n"
                               "thirdparty/\n"
                               "Pods/\n"
                               "Carthage/\n"
                               "site-packages/\n"
                               "venv/\n"
                               ".venv/\n"
                               "virtualenv/\n"
                               ".virtualenv/\n";

static const char generated[] = "__pycache__/\n"
                                "*.egg-info/\n"
                                ".eggs/\n"
                                ".tox/\n"
                                ".nox/\n"
                                ".mypy_cache/\n"
                                ".pytest_cache/\n"
                                ".gradle/\n"
                                ".next/\n"
                                ".nuxt/\n"
                                ".cache/\n"
                                ".svn/\n"
                                ".hg/\n"
                                ".bzr/\n"
                                "CVS/\n"
                                "*.pb.go\n"
                                "*.pb.h\n"
                                "*.pb.cc\n"
                                "*_pb2.py\n"
                                "*_pb2_grpc.py\n"
                                "*.g.dart\n"
                                "package-lock.json\n"
                                "yarn.lock\n"
                                "pnpm-lock.yaml\n"
                                "Cargo.lock\n"
                                "poetry.lock\n"
                                "go.sum\n";

/* Names that some projects also give to sources of their own: for untracked directories only. */
static const char build_output[] = "build/\n"
                                   "dist/\n"
                                   "target/\n"
                                   "out/\n"
                                   "_build/\n"
                                   "coverage/\n"
                                   "CMakeFiles/\n"
                                   "cmake-build-*/\n"
                                   "bazel-*/\n";

static const char minified[] = "*.min.js\n"
                               "*.min.mjs\n"
                               "*.min.css\n"
                               "*-min.js\n"
                               "*.bundle.js\n"
                               "*.chunk.js\n";

static const char secret[] = ".env\n"
                             ".env.*\n"
                             "*.pem\n"
                             "*.key\n"
                             "id_rsa*\n"
                             "id_dsa*\n"
                             "id_ecdsa*\n"
                             "id_ed25519*\n"
                             "*.p12\n"
                             "*.pfx\n"
                             "*.kdbx\n"
                             "*.jks\n"
                             ".npmrc\n"
                             ".pypirc\n"
                             ".netrc\n"
                             ".git-credentials\n"
                             "credentials\n";

const char *walk_defaults(enum walk_skip s)
{
    switch (s) {
    case WALK_VENDORED:
        return vendored;
    case WALK_GENERATED:
        return generated;
    case WALK_MINIFIED:
        return minified;
    case WALK_SECRET:
        return secret;
    default:
        return "";
    }
}

int rules_base_init(struct rules_base *b, struct arena *a, struct dobby_err *e)
{
    int s, rc;

    *b = (struct rules_base){0};
    for (s = 0; s < WALK_SKIPS; s++) {
        const char *text = walk_defaults((enum walk_skip)s);

        rc = ignore_parse(&b->builtin[s], a, text, strlen(text), e);
        if (rc < 0)
            return rc;
    }
    return ignore_parse(&b->build_output, a, build_output, strlen(build_output), e);
}

/* The deepest directory that has something to say. */
static enum ignore_verdict ask_chain(const struct rules *r, const struct rules_question *q,
                                     bool dobby)
{
    for (; r; r = r->parent) {
        enum ignore_verdict v = ignore_match(dobby ? &r->dobby : &r->git, q->path + r->prefix,
                                             q->len - r->prefix, q->is_dir);

        if (v != IGNORE_SILENT)
            return v;
    }
    return IGNORE_SILENT;
}

static bool git_ignores(const struct rules_base *b, const struct rules *r,
                        const struct rules_question *q)
{
    enum ignore_verdict v = ask_chain(r, q, false);

    if (v == IGNORE_SILENT)
        v = ignore_match(&b->exclude, q->path, q->len, q->is_dir);
    return v == IGNORE_DROP;
}

enum walk_skip rules_decide(const struct rules_base *b, const struct rules *r,
                            const struct rules_question *q, bool *forced)
{
    enum ignore_verdict own = ask_chain(r, q, true);
    int s;

    *forced = own == IGNORE_KEEP;
    if (own == IGNORE_DROP)
        return WALK_IGNORED;
    if (*forced)
        return WALK_TAKEN;
    if (!q->tracked && (q->in_ignored || git_ignores(b, r, q)))
        return WALK_IGNORED;
    for (s = 0; s < WALK_SKIPS; s++)
        if (ignore_match(&b->builtin[s], q->path, q->len, q->is_dir) == IGNORE_DROP)
            return (enum walk_skip)s;
    if (!q->tracked && ignore_match(&b->build_output, q->path, q->len, q->is_dir) == IGNORE_DROP)
        return WALK_GENERATED;
    return WALK_TAKEN;
}
