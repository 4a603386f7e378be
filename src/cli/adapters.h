/* adapters.h - where adapters are, by name (cli).
 * What     The folder `adapters` that comes with dobby: data/adapters of the sources for a program in a build folder,
 *          share/dobby/adapters beside bin for an installed one. NAME stands for NAME.gguf in it. summarize uses the one in it that
 *          was made for its model without being told (dobby_summarize.adapter_dir in dobby.h).
 * Next     catalogue.h for MODEL+ADAPTER. */
#ifndef CLI_ADAPTERS_H
#define CLI_ADAPTERS_H

#include "base/err.h"

/* The folder's path, allocated. Whether it is there is not asked. */
MUST_CHECK int adapters_dir(char **out, struct dobby_err *e);
/* The path of an adapter as the user named it, allocated: a file if it has a slash, ends in .gguf or is there, else a
 * name in the folder. DOBBY_E_NOTFOUND when nothing is there. */
MUST_CHECK int adapters_resolve(char **out, const char *arg, struct dobby_err *e);

#endif
