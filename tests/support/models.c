/* models.c - see models.h. */
#include "support/models.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *model_path(const char *file)
{
    static char path[4096];
    const char *cache = getenv("DOBBY_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");

    if (cache && *cache)
        snprintf(path, sizeof(path), "%s/models/%s", cache, file);
    else if (xdg && *xdg)
        snprintf(path, sizeof(path), "%s/dobby/models/%s", xdg, file);
    else
        snprintf(path, sizeof(path), "%s/.cache/dobby/models/%s", home ? home : "", file);
    if (access(path, R_OK) != 0)
        fail_msg("%s is missing: run scripts/setup, or `dobby models pull`", path);
    return path;
}
