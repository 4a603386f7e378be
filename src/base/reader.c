/* reader.c - bounded little-endian cursor (base). */
#include "base/reader.h"

void reader_init(struct reader *r, const void *p, size_t len)
{
    *r = (struct reader){.p = p, .len = len};
}

const void *reader_bytes(struct reader *r, size_t n)
{
    const unsigned char *p;

    if (r->failed)
        return NULL;
    if (n > r->len - r->pos) {
        r->failed = true;
        r->fail_pos = r->pos;
        r->fail_need = n;
        return NULL;
    }
    p = r->p + r->pos;
    r->pos += n;
    return p;
}

static uint64_t number(struct reader *r, size_t n)
{
    const unsigned char *p = reader_bytes(r, n);
    uint64_t v = 0;

    if (!p)
        return 0;
    while (n > 0)
        v = v << 8 | p[--n];
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)number(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)number(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)number(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return number(r, 8);
}
