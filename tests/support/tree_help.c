/* tree_help.c - see tree_help.h. */
#include "support/tree_help.h"

#include "base/file.h"
#include "support/gguf_build.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void write_text(const char *dir, const char *name, const char *text)
{
    struct strbuf path = {0};
    FILE *out;

    strbuf_printf(&path, "%s/%s", dir, name);
    for (char *c = strchr(path.s + strlen(dir) + 1, '/'); c; c = strchr(c + 1, '/')) {
        *c = '\0';
        (void)mkdir(path.s, 0755);
        *c = '/';
    }
    out = fopen(path.s, "wb");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    strbuf_release(&path);
}

void make_model(const char *dir)
{
    static const char *const extra[] = {"<|im_start|>", "<|im_end|>"};
    static const int32_t types[] = {3, 3};
    struct gguf_build b;
    struct strbuf path = {0};
    size_t size;
    const void *image;

    gb_init(&b);
    gb_str(&b, "general.architecture", "llama");
    gb_str(&b, "tokenizer.ggml.model", "gpt2");
    gb_str(&b, "tokenizer.ggml.pre", "smollm");
    gb_vocab(&b, extra, types, 2);
    gb_strs(&b, "tokenizer.ggml.merges", NULL, 0);
    gb_str(&b, "tokenizer.chat_template", "{{ '<|im_start|>' + role }}{{ '<|im_end|>' }}");
    image = gb_finish(&b, &size);
    strbuf_printf(&path, "%s/tiny.gguf", dir);
    assert_int_equal(file_write_atomic(path.s, image, size, 0644, NULL), 0);
    strbuf_release(&path);
    gb_release(&b);
}
