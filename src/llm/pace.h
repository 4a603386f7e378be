/* pace.h - how much a step may hold so that it takes about a given time (llm).
 * What     Steps of a worker take a + b * cost milliseconds, cost in multiply-adds. Both numbers are learnt from the
 *          steps that were run, the recent ones weighing most, by the method of least squares; until steps of
 *          different cost were seen, the time is taken as proportional.
 * Next     batch.h for the cost. */
#ifndef LLM_PACE_H
#define LLM_PACE_H

struct pace {
    double n, cost, ms, cost2, cost_ms; /* weighted sums over the steps */
    double largest;                     /* cost of the largest recent step */
};

void pace_learn(struct pace *p, double cost, double ms);
/* The cost of a step that takes `ms`; `start` before anything was learnt, and never more than four times the largest recent
 * step, since what was not tried is not known. */
double pace_cost(const struct pace *p, double ms, double start);

#endif
