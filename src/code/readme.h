/* readme.h - what a directory's README says it holds (code).
 * What     The first sentence of prose in a README of Markdown, reStructuredText or plain text. What stands around it is passed over: front matter,
 *          headings, badges and other images, HTML, tables of contents and other lists, tables, code, quotes of
 *          warnings, rights, and paragraphs that only point somewhere. A library would give a syntax tree of one of the three forms;
 *          what is asked here is which line is prose, in all of them, and in files that are none of them rightly.
 * Trust    None: a text from outside. What would talk to a model or a reader ("ignore previous ...") is no prose of ours (text.h).
 * Next     manifest.h for what a package says of itself. */
#ifndef CODE_README_H
#define CODE_README_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum readme_form { README_NONE, README_MARKDOWN, README_RST, README_PLAIN };

/* What the name of a file (its last component) says it is: README, README.md, readme.rst, ReadMe.txt. */
enum readme_form readme_form(const char *name, size_t len);

/* Append the sentence to *out. True when there is one; false otherwise, also when memory ran out (*out has failed then). */
bool readme_sentence(struct strbuf *out, enum readme_form form, const char *text, size_t len);
/* The same for a text that is one paragraph, and may be of two words. */
bool readme_line(struct strbuf *out, const char *text, size_t len);

#endif
