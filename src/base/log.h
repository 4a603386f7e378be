/* log.h - log lines leave the library through one callback (base). Thread-safe; nothing is formatted when
 * the level is off. Default: no sink, nothing logged. dobby_set_log() of dobby.h sets the sink. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
