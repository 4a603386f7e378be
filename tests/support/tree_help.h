/* tree_help.h - small trees to summarise, and a model file that has what keys and questions need. */
#ifndef TESTS_TREE_HELP_H
#define TESTS_TREE_HELP_H

/* Write dir/name, whose folders are made; a failure fails the test. */
void write_text(const char *dir, const char *name, const char *text);
/* dir/tiny.gguf: a tokenizer of bytes and a chat template, no weights. */
void make_model(const char *dir);

#endif
