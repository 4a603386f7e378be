/* http_script.h - an HTTP server that a test writes the lines of: loopback, a thread a connection.
 * The test's function gets each request and writes whatever it likes to the connection, well-formed or not. */
#ifndef TESTS_HTTP_SCRIPT_H
#define TESTS_HTTP_SCRIPT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct http_request {
    char method[8], path[256];
    char *headers; /* all lines, NUL-terminated */
    char *body;    /* NUL-terminated */
    size_t len;
    int number; /* 0, 1, ... in the order of coming */
};

struct http_script {
    /* Answer q on fd; false closes the connection. Runs on the connection's thread, several at once. */
    bool (*answer)(struct http_script *s, int fd, const struct http_request *q);
    void *ctx;
    int port; /* after http_start */
    /* What it saw; read after http_stop, or with the lock. */
    int n_requests;
    /* Its own. */
    pthread_mutex_t lock; /* guards all from n_requests on; the test may use it and `changed` too */
    pthread_cond_t changed;
    pthread_t accepter, conn[256];
    int listen_fd, conn_fd[256];
    size_t n_conn;
    atomic_bool closing; /* read it in an answer that waits or never ends */
};

void http_start(struct http_script *s);
void http_stop(struct http_script *s); /* closes every connection and joins every thread */

void http_raw(int fd, const void *p, size_t n);
/* A complete answer with Content-Length. */
void http_reply(int fd, int status, const char *body);
/* Sleep until the server is stopped, or `ms` have passed. */
void http_linger(struct http_script *s, int ms);

#endif
