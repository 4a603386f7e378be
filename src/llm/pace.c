/* pace.c - see pace.h. */
#include "llm/pace.h"

#define KEEP  0.95 /* weight of what was known before a step */
#define AIM   0.85 /* of the time: steps vary, and the slow ones should still keep it */
#define GROW  4
#define ALIKE 1e-3 /* relative variance below which costs say nothing about the slope */

void pace_learn(struct pace *p, double cost, double ms)
{
    p->n = KEEP * p->n + 1;
    p->cost = KEEP * p->cost + cost;
    p->ms = KEEP * p->ms + ms;
    p->cost2 = KEEP * p->cost2 + cost * cost;
    p->cost_ms = KEEP * p->cost_ms + cost * ms;
    p->largest = cost > KEEP * p->largest ? cost : KEEP * p->largest;
}

double pace_cost(const struct pace *p, double ms, double start)
{
    double c, t, var, slope, base, found;

    if (p->n <= 0 || p->cost <= 0 || p->ms <= 0)
        return start;
    c = p->cost / p->n;
    t = p->ms / p->n;
    var = p->cost2 / p->n - c * c;
    slope = t / c;
    base = 0;
    if (var > ALIKE * c * c) {
        double s = (p->cost_ms / p->n - c * t) / var, b = t - s * c;
        if (s > 0 && b > 0) { /* else noise was stronger than the slope */
            slope = s;
            base = b;
        }
    }
    found = (AIM * ms - base) / slope;
    if (found > GROW * p->largest)
        found = GROW * p->largest;
    return found > 0 ? found : 0;
}
