/* realmath.h - log, exp, sin and cos in double, the same on every machine (llm).
 * A C library may round these differently from the next one, and our bits must not depend on it. Built from
 * single IEEE operations and fma(), which is correctly rounded everywhere. Errors stay below 1e-15 relative
 * (log, exp) and 1e-15 absolute (sin, cos for |x| < 1e6). Set-up and per-token work only: not fast. */
#ifndef LLM_REALMATH_H
#define LLM_REALMATH_H

double real_log(double x); /* x > 0, finite, normal */
double real_exp(double x); /* 0 below -700; x <= 700 */
void real_sincos(double x, double *s, double *c);

#endif
