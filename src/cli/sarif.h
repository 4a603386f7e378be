/* sarif.h - findings in the form that code hosts and editors read (cli).
 * What     One SARIF log with one run: the rules with their help, then a result a finding in the order given. It is the same
 *          bytes for the same findings: no times, no absolute paths. URIs are relative to SRCROOT, the root of the tree, which
 *          whoever reads it knows. A fingerprint names rule, path, unit and its number among equal names, and what a comment names, so that a result keeps its
 *          identity when lines move.
 * Source   Static Analysis Results Interchange Format 2.1.0, OASIS standard with errata 01. */
#ifndef CLI_SARIF_H
#define CLI_SARIF_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stddef.h>

/* Append what stands before the first result, the n-th result (from 0), and what stands behind the last. */
void sarif_begin(struct strbuf *b);
MUST_CHECK int sarif_result(struct strbuf *b, const struct dobby_finding *f, size_t n,
                            struct dobby_err *e);
void sarif_end(struct strbuf *b);

#endif
