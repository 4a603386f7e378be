/* http_script.c - see http_script.h. */
#include "http_script.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONN 256

struct conn {
    struct http_script *s;
    int fd;
};

void http_raw(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        ssize_t w = send(fd, at, n, MSG_NOSIGNAL);

        if (w <= 0)
            return; /* the other side has had enough */
        at += w;
        n -= (size_t)w;
    }
}

void http_reply(int fd, int status, const char *body)
{
    char head[256];
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 %d Word\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     status, strlen(body));

    http_raw(fd, head, (size_t)n);
    http_raw(fd, body, strlen(body));
}

void http_linger(struct http_script *s, int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->lock);
    while (!s->closing && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&s->lock);
}

/* Read until the buffer holds `want` bytes or, with want 0, an empty line. False at the end of the connection. */
static bool fill(int fd, char **buf, size_t *len, size_t want)
{
    while (want ? *len < want : !memmem(*buf ? *buf : "", *len, "\r\n\r\n", 4)) {
        char chunk[4096];
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        if (n <= 0)
            return false;
        *buf = realloc(*buf, *len + (size_t)n + 1);
        if (!*buf)
            abort();
        memcpy(*buf + *len, chunk, (size_t)n);
        *len += (size_t)n;
        (*buf)[*len] = '\0';
    }
    return true;
}

static bool serve_one(struct http_script *s, int fd)
{
    struct http_request q = {.len = 0};
    char *buf = NULL, *length;
    size_t len = 0, head;
    bool keep = false;

    if (!fill(fd, &buf, &len, 0))
        goto out;
    head = (size_t)((char *)memmem(buf, len, "\r\n\r\n", 4) - buf) + 4;
    length = strcasestr(buf, "\r\nContent-Length:");
    q.len = length && length < buf + head ? strtoul(length + 17, NULL, 10) : 0;
    if (sscanf(buf, "%7s %255s", q.method, q.path) != 2 || !fill(fd, &buf, &len, head + q.len))
        goto out;
    q.headers = strndup(buf, head);
    q.body = buf + head;
    pthread_mutex_lock(&s->lock);
    q.number = s->n_requests++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    keep = s->answer(s, fd, &q);
    free(q.headers);
out:
    free(buf);
    return keep;
}

static void *conn_main(void *arg)
{
    struct conn c = *(struct conn *)arg;

    free(arg);
    while (serve_one(c.s, c.fd))
        ;
    shutdown(c.fd, SHUT_RDWR); /* http_stop closes it */
    return NULL;
}

static void *accept_main(void *arg)
{
    struct http_script *s = arg;
    int one = 1, fd;

    while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0 || errno == EINTR) {
        struct conn *c = malloc(sizeof(*c));

        if (!c || s->n_conn == MAX_CONN)
            abort();
        *c = (struct conn){s, fd};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        pthread_mutex_lock(&s->lock);
        s->conn_fd[s->n_conn] = fd;
        if (pthread_create(&s->conn[s->n_conn++], NULL, conn_main, c) != 0)
            abort();
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

void http_start(struct http_script *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listen_fd >= 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listen_fd, MAX_CONN), 0);
    assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    s->n_requests = 0;
    s->n_conn = 0;
    s->closing = false;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    assert_int_equal(pthread_create(&s->accepter, NULL, accept_main, s), 0);
}

void http_stop(struct http_script *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->accepter, NULL);
    for (size_t i = 0; i < s->n_conn; i++)
        shutdown(s->conn_fd[i], SHUT_RDWR);
    for (size_t i = 0; i < s->n_conn; i++) {
        pthread_join(s->conn[i], NULL);
        close(s->conn_fd[i]);
    }
    close(s->listen_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
}
