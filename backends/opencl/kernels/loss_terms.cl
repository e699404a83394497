/* The terms of losses that compare a prediction p with a target t, and their slopes, each element by
 * itself; -DKIND= names the loss. A weight belongs to W neighbouring elements (0: no weights). */
#define MSE 0
#define MAE 1
#define HUBER 2
#define HINGE 3
#define BCE 4
#define LOGITS 5
#define LOGITS_POS 6
#define KL 7
#define KL_LOG 8

/* v: delta of huber, margin of hinge; pos: weight of a positive target */
#if KIND == MSE
#define TERM(p, t) (((p) - (t)) * ((p) - (t)))
#define SLOPE(p, t) (2.0f * ((p) - (t)))
#elif KIND == MAE
#define TERM(p, t) fabs((p) - (t))
#define SLOPE(p, t) ((p) > (t) ? 1.0f : (p) < (t) ? -1.0f : (p) - (t) == 0.0f ? 0.0f : NAN)
#elif KIND == HUBER
#define TERM(p, t)                                                                                 \
    (fabs((p) - (t)) <= v ? 0.5f * ((p) - (t)) * ((p) - (t)) : v * (fabs((p) - (t)) - 0.5f * v))
#define SLOPE(p, t) ((p) - (t) > v ? v : (p) - (t) < -v ? -v : (p) - (t))
#elif KIND == HINGE
#define TERM(p, t) (v - (p) * (t) < 0.0f ? 0.0f : v - (p) * (t))
#define SLOPE(p, t) (v - (p) * (t) > 0.0f ? -(t) : v - (p) * (t) <= 0.0f ? 0.0f : NAN)
#elif KIND == BCE
/* fmax would turn the NaN of a broken probability into -100, and its loss into a plausible 100. */
#define HELD(x) ((x) < -100.0f ? -100.0f : (x))
#define TERM(p, t) (-((t) * HELD(log(p)) + (1.0f - (t)) * HELD(log(1.0f - (p)))))
#define SPREAD(p) ((p) * (1.0f - (p)))
#define SLOPE(p, t) (((p) - (t)) / (SPREAD(p) < 1e-12f ? 1e-12f : SPREAD(p)))
#elif KIND == LOGITS
#define TERM(p, t) (((p) < 0.0f ? 0.0f : (p)) - (p) * (t) + log1p(exp(-fabs(p))))
#define SLOPE(p, t) (1.0f / (1.0f + exp(-(p))) - (t))
#elif KIND == LOGITS_POS
#define TERM(p, t)                                                                                 \
    ((1.0f - (t)) * (p) + (1.0f + (pos - 1.0f) * (t)) *                                            \
                              (((p) < 0.0f ? -(p) : 0.0f) + log1p(exp(-fabs(p)))))
#define SLOPE(p, t) ((1.0f + (pos - 1.0f) * (t)) / (1.0f + exp(-(p))) - pos * (t))
#elif KIND == KL
#define TERM(p, t) ((t) == 0.0f ? 0.0f : (t) * (log(t) - (p)))
#define SLOPE(p, t) (-(t))
#else
#define TERM(p, t) (exp(t) * ((t) - (p)))
#define SLOPE(p, t) (-exp(t))
#endif

__kernel void each(IN(float, p), IN(float, t), IN(float, w), IN(float, pos), OUT(float, y),
                   const int W, const int n_pos, const float v, const int n, const int chunk)
{
    EACH(i, n, chunk) {
#if KIND == LOGITS_POS
        const float pos = PTR(pos)[i % n_pos];
#endif
        const float p = PTR(p)[i], t = PTR(t)[i];
        PTR(y)[i] = TERM(p, t) * (W ? PTR(w)[i / W] : 1.0f);
    }
}

/* dx = slope dloss[i / D] / divisor, times the weight */
__kernel void each_grad(IN(float, p), IN(float, t), IN(float, dloss), IN(float, w), IN(float, pos),
                        OUT(float, dx), const int W, const int n_pos, const float v, const int D,
                        const float divisor, const int n, const int chunk)
{
    EACH(i, n, chunk) {
#if KIND == LOGITS_POS
        const float pos = PTR(pos)[i % n_pos];
#endif
        const float p = PTR(p)[i], t = PTR(t)[i], d = PTR(dloss)[i / D] / divisor;
        PTR(dx)[i] = SLOPE(p, t) * d * (W ? PTR(w)[i / W] : 1.0f);
    }
}
