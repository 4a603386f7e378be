/* realmath.c - see realmath.h. Series of Taylor on small arguments; Cody and Waite's reduction. */
#include "llm/realmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LN2_HI  0x1.62e42fefa39efp-1
#define LN2_LO  0x1.abc9e3b39803fp-56
#define PIO2_HI 0x1.921fb54442d18p+0
#define PIO2_LO 0x1.1a62633145c07p-54

double real_log(double x)
{
    uint64_t u;
    memcpy(&u, &x, 8);
    int e = (int)(u >> 52) - 1022;
    u = (u & 0xFFFFFFFFFFFFFull) | 0x3FE0000000000000ull; /* mantissa in 0.5 .. 1 */
    memcpy(&x, &u, 8);
    if (x < 0.70710678118654752) {
        x *= 2;
        e--;
    }
    /* log m = 2 artanh((m-1)/(m+1)), argument at most 0.172 */
    double s = (x - 1) / (x + 1), z = s * s, sum = 0;
    for (int k = 27; k >= 1; k -= 2)
        sum = fma(sum, z, 1.0 / k);
    return fma(e, LN2_HI, fma(e, LN2_LO, 2 * s * sum));
}

double real_exp(double x)
{
    if (!(x > -700))
        return 0;
    double n = (x / LN2_HI + 0x1.8p52) - 0x1.8p52, r = fma(-n, LN2_LO, fma(-n, LN2_HI, x)), sum = 1,
           scale;
    for (int k = 15; k >= 1; k--)
        sum = fma(sum, r / k, 1.0);
    uint64_t u = (uint64_t)((int64_t)n + 1023) << 52;
    memcpy(&scale, &u, 8);
    return sum * scale;
}

void real_sincos(double x, double *s, double *c)
{
    double n = (x / PIO2_HI + 0x1.8p52) - 0x1.8p52, r = fma(-n, PIO2_LO, fma(-n, PIO2_HI, x));
    double z = r * r, sine = 1, cosine = 1, t;
    for (int k = 20; k >= 2; k -= 2) {
        sine = fma(sine, -z / (k * (k + 1.0)), 1.0);
        cosine = fma(cosine, -z / (k * (k - 1.0)), 1.0);
    }
    sine *= r;
    switch ((int64_t)n & 3) {
    case 1:
        t = sine, sine = cosine, cosine = -t;
        break;
    case 2:
        sine = -sine, cosine = -cosine;
        break;
    case 3:
        t = sine, sine = -cosine, cosine = t;
        break;
    default:
        break;
    }
    *s = sine;
    *c = cosine;
}
