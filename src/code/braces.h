/* braces.h - where what a grammar has read wrongly ends (code; runs in a parser worker only).
 * What     Behind a macro that stands for syntax, or a condition around a part of a class, error recovery closes a body too early or too
 *          late. Where the file has errors, braces are counted in its text, and a body that the grammar ends elsewhere ends where its
 *          brace is closed, if the layout says so too: that brace begins its line, as deep as the line on which the unit begins.
 *          Otherwise it stays as the grammar has it.
 * Counts   Outside of comments, strings, characters and directives; of the branches of a condition the first.
 * Holds    One pass over the text, one search for each item.
 * Next     outline.c. */
#ifndef CODE_BRACES_H
#define CODE_BRACES_H

#include "code/outline_item.h"

/* Of all items that are placed and not sorted yet. 0, or -1 when memory runs out. */
int braces_mend(struct finder *f);

/* Of what stands in a mended body, or is mended: it is no unit. In C, C++ and Swift what ends a function is none: what the
 * grammar takes for one behind the end that it saw is a part of the function that goes on. And what begins in a body and ends
 * behind it was misread. */
bool braces_disagree(const struct item *outer, const struct item *it);

#endif
