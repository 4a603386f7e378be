/* standard.c - what comes with a language (pipeline). The manual is standard.h.
 * Lists, a space between the words: their first parts, in the order of bytes. Sources: the modules that CPython 3.11 and Node 20
 * list themselves, with some that older ones had; ISO C, POSIX, glibc and what the common compilers bring; the manuals of
 * Ruby 3.3 and OCaml 5.1; the modules of Swift's toolchains and Apple's systems; the roots of Haskell's base. */
#include "pipeline/standard.h"

#include "base/size.h"

#include <string.h>

static const char c_headers[] =
    "aio alloca arm_neon arpa asm assert byteswap complex conio cpio cpuid crypt ctype "
    "direct dirent dlfcn elf emmintrin endian errno error execinfo fcntl features fenv float "
    "fmtmsg fnmatch ftw getopt glob grp iconv ifaddrs immintrin inttypes io iso646 langinfo "
    "libgen libintl limits link linux locale malloc math memory monetary mqueue ndbm net "
    "netdb netinet nl_types paths poll process pthread pty pwd regex sched search semaphore "
    "setjmp shadow signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib "
    "stdnoreturn string strings stropts sys syslog tar tchar termios tgmath threads time "
    "trace uchar ucontext ulimit unistd utime utmp utmpx values wait wchar wctype windows "
    "winsock2 wordexp ws2tcpip x86intrin xmmintrin";

static const char python_modules[] =
    "__future__ _thread abc aifc argparse array ast asynchat asyncio asyncore atexit audioop "
    "base64 bdb binascii bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd "
    "code codecs codeop collections colorsys compileall concurrent configparser contextlib "
    "contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal "
    "difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl "
    "filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass "
    "gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib imghdr imp "
    "importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging "
    "lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt "
    "multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse "
    "os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib "
    "posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data "
    "pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched "
    "secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket "
    "socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics "
    "string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny "
    "tarfile telnetlib tempfile termios textwrap threading time timeit tkinter token "
    "tokenize tomllib trace traceback tracemalloc tty turtle types typing unicodedata "
    "unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref "
    "xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

static const char node_modules[] =
    "assert async_hooks buffer child_process cluster console constants crypto dgram "
    "diagnostics_channel dns domain events fs http http2 https inspector module net os path "
    "perf_hooks process punycode querystring readline repl stream string_decoder sys timers "
    "tls trace_events tty url util v8 vm wasi worker_threads zlib";

static const char ruby_libraries[] =
    "English abbrev base64 benchmark bigdecimal bundler cgi coverage csv date delegate "
    "did_you_mean digest drb erb etc expect fcntl fiber fiddle fileutils find forwardable "
    "getoptlong io ipaddr irb json logger matrix minitest mkmf monitor mutex_m net nkf "
    "objspace observer open-uri open3 openssl optparse ostruct pathname pp prettyprint prime "
    "pstore psych pty racc rbconfig rdoc readline reline resolv rinda ripper ruby2_keywords "
    "rubygems securerandom set shellwords singleton socket stringio strscan syslog tempfile "
    "thread time timeout tmpdir tracer tsort un unicode_normalize uri weakref win32ole yaml "
    "zlib";

static const char ocaml_modules[] =
    "Arg Array ArrayLabels Atomic Bigarray Bool Buffer Bytes BytesLabels Callback Char "
    "Complex Condition Digest Domain Dynlink Effect Either Ephemeron Event Filename Float "
    "Format Fun Gc Hashtbl In_channel Int Int32 Int64 Lazy Lexing List ListLabels Map "
    "Marshal MoreLabels Mutex Nativeint Obj Oo Option Out_channel Parsing Pervasives "
    "Printexc Printf Queue Random Result Scanf Semaphore Seq Set Stack StdLabels Stdlib Str "
    "Stream String StringLabels Sys Thread Type Uchar Unit Unix UnixLabels Weak";

static const char swift_modules[] =
    "AVFoundation Accelerate AppKit CFNetwork Cocoa Combine CoreData CoreFoundation "
    "CoreGraphics CoreImage CoreLocation CoreMedia CoreText CryptoKit Darwin Dispatch "
    "Foundation FoundationNetworking FoundationXML Glibc MapKit Metal MetalKit Musl Network "
    "ObjectiveC Observation Photos QuartzCore Security StoreKit Swift SwiftUI Testing UIKit "
    "UserNotifications WebKit WidgetKit WinSDK XCTest os simd";

static const char haskell_roots[] =
    "Control Data Debug Foreign GHC Numeric Prelude System Text Type Unsafe";

/* Is the word in a list? */
static bool in_list(const char *list, const char *word, size_t n)
{
    size_t len;

    for (; *list; list += len + (list[len] == ' ')) {
        len = strcspn(list, " ");
        if (len == n && memcmp(list, word, n) == 0)
            return true;
    }
    return false;
}

/* The length of the first part of a name. */
static size_t first_part(const char *name, size_t n, char separator)
{
    const char *end = memchr(name, separator, n);

    return end ? (size_t)(end - name) : n;
}

static bool is_first(const char *name, size_t n, const char *part, char separator)
{
    return first_part(name, n, separator) == strlen(part) && memcmp(name, part, strlen(part)) == 0;
}

/* <sys/stat.h> and <stdio.h>; of C++ also what has no ending, and C's headers as <cstdio>. */
static bool is_c(enum language_id lang, const char *name, size_t n)
{
    size_t first = first_part(name, n, '/');

    if (lang == LANGUAGE_CPP && !memchr(name, '/', n) && !memchr(name, '.', n))
        return true;
    if (first == n && n > 2 && memcmp(name + n - 2, ".h", 2) == 0)
        first = n - 2;
    return in_list(c_headers, name, first);
}

static bool is_node(const char *name, size_t n)
{
    if (n > 5 && memcmp(name, "node:", 5) == 0)
        return true;
    return in_list(node_modules, name, first_part(name, n, '/'));
}

static bool is_one_of(const char *name, size_t n, const char *const *parts, size_t n_parts,
                      char separator)
{
    for (size_t i = 0; i < n_parts; i++)
        if (is_first(name, n, parts[i], separator))
            return true;
    return false;
}

bool standard_is(enum language_id lang, const char *name, size_t n)
{
    static const char *const rust[] = {"std", "core", "alloc", "proc_macro", "test"};
    static const char *const jvm[] = {"java", "javax", "jdk", "kotlin", "scala", "sun"};
    static const char *const zig[] = {"std", "builtin", "root"};

    switch (lang) {
    case LANGUAGE_C:
    case LANGUAGE_CPP:
        return is_c(lang, name, n);
    case LANGUAGE_PYTHON:
        return in_list(python_modules, name, first_part(name, n, '.'));
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
        return is_node(name, n);
    case LANGUAGE_GO: /* other modules begin with the name of a host */
        return !memchr(name, '.', first_part(name, n, '/'));
    case LANGUAGE_RUST:
        return is_one_of(name, n, rust, ARRAY_LEN(rust), ':');
    case LANGUAGE_JAVA:
    case LANGUAGE_KOTLIN:
    case LANGUAGE_SCALA:
        return is_one_of(name, n, jvm, ARRAY_LEN(jvm), '.');
    case LANGUAGE_CSHARP:
        return is_first(name, n, "System", '.');
    case LANGUAGE_RUBY:
        return in_list(ruby_libraries, name, first_part(name, n, '/'));
    case LANGUAGE_PHP: /* classes of its own stand in no namespace */
        return !memchr(name, '\\', n);
    case LANGUAGE_SWIFT:
        return in_list(swift_modules, name, first_part(name, n, '.'));
    case LANGUAGE_ZIG:
        return is_one_of(name, n, zig, ARRAY_LEN(zig), '.');
    case LANGUAGE_HASKELL:
        return in_list(haskell_roots, name, first_part(name, n, '.'));
    case LANGUAGE_OCAML:
        return in_list(ocaml_modules, name, n);
    default:
        return false;
    }
}
