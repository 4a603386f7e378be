/* reader.h - bounded little-endian cursor over bytes from outside (base).
 * The first failure sticks with its offset and every later read gives zeros: read a whole record, ask once. */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const unsigned char *p;
    size_t len, pos;
    bool failed;
    size_t fail_pos, fail_need; /* where, and how many bytes were asked for */
};

void reader_init(struct reader *r, const void *p, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* n bytes in place, or NULL. */
const void *reader_bytes(struct reader *r, size_t n);
static inline size_t reader_left(const struct reader *r)
{
    return r->len - r->pos;
}

#endif
