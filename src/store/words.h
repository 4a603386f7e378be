/* words.h - what the index of a store is made of: words of names, texts and paths, and how matches are ranked. Private to
 * store.
 * Words    A run of letters, digits and underscores is an identifier. Its parts are words (parseHeader, parse_header:
 *          parse, header; HTTPServer2: HTTP, Server2), and when it has several, so is the whole without underscores
 *          (parseheader). Everything else, and what is not UTF-8, divides. Case counts nowhere; beyond ASCII it is known of
 *          Latin-1, Greek and Cyrillic letters.
 * SQL      `dobby` is the tokenizer of FTS5 that gives these, in small letters; a word of a query is one token of it, always.
 *          dobby_marked(name, qualified name, path) is a text of which it makes the words once more, marked: all of the name as
 *          one word behind '=', those of the qualified name behind '.', and behind '/' one word for the file and each folder that it lies
 *          in. Asking for these needs no look at rows that hold a word elsewhere, as asking for a column would.
 *          dobby_score(search, weight...): how well a row matches, higher is better; a weight for each of the first phrases of the query.
 * Versions The index takes a row out by its old words, so another way of dividing needs a new schema, whose upgrade builds
 *          the index anew (db.c).
 * Ranking  BM25F (Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields", 2004): a word counts by
 *          the columns it stands in, each by its weight and length, then saturates. It counts once a column.
 * Next     reader.c for the query, db.c for the index. */
#ifndef STORE_WORDS_H
#define STORE_WORDS_H

#include "base/strbuf.h"
#include "store/db.h"

#define WORDS_MARK     '\1' /* begins a marked text, and in a query a marked word; it is in no other */
#define WORDS_NAME_IS  '='
#define WORDS_NAME_HAS '.'
#define WORDS_PLACE    '/' /* behind it 16 hexadecimal digits */

/* Words of a query at most. */
#define WORDS_MAX 32

/* The distinct words of a query, parts only. */
struct words {
    struct store_bytes word[WORDS_MAX]; /* into the text they were taken from */
    size_t n;
    bool too_many;
};
void words_take(struct words *w, struct store_bytes text);
/* All parts of a text as one word, in small letters as far as they are ASCII; nothing is added when it has none. */
void words_join(struct strbuf *out, struct store_bytes text);

/* Append the word of a path, mark and all: a digest, of which another path may have the same. SQLITE_OK or a code. */
MUST_CHECK int words_place(struct strbuf *out, struct store_bytes path);

/* Make the SQL functions known to a connection. SQLITE_OK or a code. */
MUST_CHECK int words_register(sqlite3 *db);

#endif
