/* jsonl.h - files of prompts: {"id":"...","messages":[{"role":"...","content":"..."},...]} a line (bench). */
#ifndef BENCH_JSONL_H
#define BENCH_JSONL_H

#include "base/arena.h"
#include "base/err.h"

#define PROMPT_MESSAGES_MAX 32

struct bench_prompt {
    const char *id;
    struct dobby_message *msg;
    size_t n_msg;
};

struct prompt_file {
    struct arena arena;
    struct bench_prompt *v;
    size_t n;
};

/* Read the file; of its lines `limit` at equal distances (0: all). On failure *f is released. */
MUST_CHECK int prompt_file_read(struct prompt_file *f, const char *path, size_t limit,
                                struct dobby_err *e);
void prompt_file_release(struct prompt_file *f);

#endif
