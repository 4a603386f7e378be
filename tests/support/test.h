/* test.h - what every test includes: cmocka with the headers it wants first, and a few helpers. */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A fresh directory below $TMPDIR or /tmp; the string is free'd by temp_dir_remove, which removes the whole tree. */
char *temp_dir(void);
void temp_dir_remove(char *dir);
/* dir/name in a static buffer of a few that take turns: good for the next seven calls. */
const char *temp_path(const char *dir, const char *name);
/* Write and read back a whole file; a failure fails the test. The text is NUL-terminated; free it. */
void put_file(const char *path, const void *p, size_t n);
char *get_file(const char *path, size_t *n);

#endif
