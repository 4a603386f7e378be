/* file.h - files, directories, maps (base). All descriptors are opened O_CLOEXEC. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A read-only private mapping of a regular file. An empty file maps to data NULL, size 0. */
struct file_map {
    const void *data;
    size_t size;
};
MUST_CHECK int file_map_open(struct file_map *m, const char *path, struct dobby_err *e);
void file_map_close(struct file_map *m);
/* These bytes of the mapping are not needed for now: they stop counting as this process's memory, and come back from the
 * file when they are touched. Up to FILE_MAP_STEP on both sides goes with them, since one touch may have mapped that
 * much; that is harmless for other readers. p lies in the mapping. */
#define FILE_MAP_STEP ((size_t)2 << 20)
void file_map_forget(const struct file_map *m, const void *p, size_t size);

/* What identifies a file's content cheaply. */
struct file_id {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};
MUST_CHECK int file_identify(struct file_id *id, const char *path, struct dobby_err *e);

/* Append the whole file to *out; refused (DOBBY_E_LIMIT) beyond `max` bytes. */
MUST_CHECK int file_read_all(struct strbuf *out, const char *path, size_t max, struct dobby_err *e);
/* Write by temporary file in the same directory, fsync, rename, fsync of the directory. */
MUST_CHECK int file_write_atomic(const char *path, const void *p, size_t n, unsigned mode,
                                 struct dobby_err *e);
/* Write all of it or fail; retries EINTR and short writes. ENOSPC says "disk full". `name` is for the message. */
MUST_CHECK int file_write_fd(int fd, const void *p, size_t n, const char *name,
                             struct dobby_err *e);
/* mkdir -p with the given mode for what is missing. */
MUST_CHECK int file_mkdirs(const char *path, unsigned mode, struct dobby_err *e);
bool file_exists(const char *path);
/* Join with one slash into *out (reset first). */
void file_join(struct strbuf *out, const char *dir, const char *name);

#endif
