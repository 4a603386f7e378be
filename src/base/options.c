/* options.c - see options.h. */
#include "base/options.h"

#include "base/size.h"

#include <string.h>

#define MAX_SIZE 65536 /* a struct that was not set with DOBBY_INIT holds anything */

int options_take(void *out, size_t known, const void *in, const char *what, struct dobby_err *e)
{
    const unsigned char *p = in;
    size_t size;

    memset(out, 0, known);
    if (!in)
        return 0;
    memcpy(&size, in, sizeof(size));
    if (size < sizeof(size) || size > MAX_SIZE)
        return err_set(e, DOBBY_E_USAGE, "%s options: their size is %zu; set it with DOBBY_INIT",
                       what, size);
    for (size_t i = known; i < size; i++)
        if (p[i])
            return err_set(e, DOBBY_E_USAGE,
                           "%s options: one is set that this version (%s) does not know; use a "
                           "newer library",
                           what, DOBBY_VERSION);
    memcpy(out, in, size_min(size, known));
    return 0;
}
