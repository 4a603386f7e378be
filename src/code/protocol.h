/* protocol.h - what dobby and a parser worker say to each other (code, private to the parser).
 * Form     Both ends are the same build on the same machine; numbers are little-endian all the same.
 *            worker, once    u32 PROTOCOL_HELLO, u32 PARSE_VERSION
 *            request         u32 PROTOCOL_REQUEST, u32 language, u32 length, then the text
 *            or              u32 PROTOCOL_SINCE, u32 0, u32 length, then a commit's name, a NUL, and a path (revision.h); the
 *                            repository's .git is PROTOCOL_GIT_FD, and the reply's status 0 or a DOBBY_E_* code without its sign,
 *                            its bytes then the message
 *            reply           u32 PROTOCOL_REPLY, u32 status, u32 length, then as many bytes:
 *                            u32 number of imports, the imports, then units to the end
 *          an import is       u32 kind, u32 start, then its text, a u16 length and bytes
 *          a unit is          u32 kind, then start end, signature end, body start end, doc start end, docstring start
 *                            end as u32, then name and qualified name, each a u16 length and bytes, then what it calls
 *                            and uses, the same; PROTOCOL_UNKNOWN as a length for a list that is not known.
 * Trust    The worker believes the parent; the parent believes nothing (parse.c). */
#ifndef CODE_PROTOCOL_H
#define CODE_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_HELLO   0x6f6c6c68u
#define PROTOCOL_REQUEST 0x74736572u
#define PROTOCOL_SINCE   0x636e6973u
#define PROTOCOL_REPLY   0x796c7072u

enum protocol_status {
    PROTOCOL_OK,
    PROTOCOL_PARTIAL,  /* units, but the tree holds errors */
    PROTOCOL_TOO_MANY, /* more than PROTOCOL_MAX_UNITS: none are sent */
    PROTOCOL_STATUSES
};

#define PROTOCOL_HEAD        12 /* bytes of three numbers */
#define PROTOCOL_MAX_UNITS   65536
#define PROTOCOL_MAX_NAME    512 /* bytes of a name, and of an import */
#define PROTOCOL_MAX_IMPORTS 4096
#define PROTOCOL_UNKNOWN     0xffff
#define PROTOCOL_MAX_IMPORT_BYTES                                                                  \
    ((size_t)256 << 10) /* of the texts of a file's imports together */
#define PROTOCOL_MAX_REPLY ((size_t)32 << 20)
#define PROTOCOL_GIT_FD    3

/* How a worker ends when it gives up by itself. */
#define PROTOCOL_EXIT_NOMEM 3 /* an allocation was refused */
#define PROTOCOL_EXIT_FORM  4 /* the parent said something unknown */

static inline void protocol_put_u32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
    p[2] = (unsigned char)(v >> 16);
    p[3] = (unsigned char)(v >> 24);
}

/* Sanitizers reserve terabytes of shadow memory and slow everything tenfold: limits on both follow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
