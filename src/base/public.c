/* public.c - the two calls of dobby.h that belong to no module (base). dobby_set_log is in log.c. */
#include "base/mem.h"
#include "dobby.h"

const char *dobby_version(void)
{
    return DOBBY_VERSION;
}

void dobby_free(void *p)
{
    mem_free(p);
}
