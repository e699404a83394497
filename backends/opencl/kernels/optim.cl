/* Optimizers beside sgd and adam; all may run in place. With apply = 0 each output is its input's
 * bits, whatever the gradient holds. */

#define OPERANDS IN(float, param), IN(float, grad)
#define SCALARS IN(float, lr), IN(float, grad_mul), IN(float, go)
/* The end of every argument list. */
#define COMMON const float l2, const float decay, const float clip
#define SIZE const int n, const int chunk

/* Scaled, limited to clip (NaN stays), and with the L2 penalty. */
static inline float gradient(float g, float mul, float clip, float l2, float p)
{
    g *= mul;
    return (g > clip ? clip : (g < -clip ? -clip : g)) + l2 * p;
}

#define P PTR(param)[i]
#define G gradient(PTR(grad)[i], PTR(grad_mul)[0], clip, l2, P)
#define STEP(d) (p - rate * (d) - rate * decay * p)
#define APPLIES (PTR(go)[0] != 0.0f)

/* What adam's kin begin with: p, g and the moments m1, v1, which are stored. */
#define ADAM_MOMENTS                                                                               \
    const float p = P, g = G, old_m = PTR(m)[i], old_v = PTR(v)[i];                                \
    const float m1 = b1 * old_m + a1 * g, v1 = b2 * old_v + a2 * (g * g);                          \
    PTR(m_out)[i] = on ? m1 : old_m;                                                               \
    PTR(v_out)[i] = on ? v1 : old_v;

__kernel void amsgrad(OPERANDS, IN(float, m), IN(float, v), IN(float, most), IN(float, c), SCALARS,
                      OUT(float, param_out), OUT(float, m_out), OUT(float, v_out),
                      OUT(float, most_out), const float b1, const float a1, const float b2,
                      const float a2, const float epsilon, COMMON, SIZE)
{
    const float rate = PTR(lr)[0], c1 = PTR(c)[0], c2 = PTR(c)[1];
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        ADAM_MOMENTS
        const float old = PTR(most)[i], top = v1 > old || v1 != v1 ? v1 : old;
        PTR(most_out)[i] = on ? top : old;
        PTR(param_out)[i] = on ? STEP((m1 / c1) / (sqrt(top / c2) + epsilon)) : p;
    }
}

__kernel void nadam(OPERANDS, IN(float, m), IN(float, v), IN(float, c), SCALARS,
                    OUT(float, param_out), OUT(float, m_out), OUT(float, v_out), const float b1,
                    const float a1, const float b2, const float a2, const float epsilon, COMMON,
                    SIZE)
{
    const float rate = PTR(lr)[0], c1 = PTR(c)[0], c2 = PTR(c)[1], c3 = PTR(c)[2];
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        ADAM_MOMENTS
        PTR(param_out)[i] = on ? STEP((c1 * g + c2 * m1) / (sqrt(v1 / c3) + epsilon)) : p;
    }
}

__kernel void rmsprop(OPERANDS, IN(float, v), IN(float, mean), IN(float, velocity), SCALARS,
                      OUT(float, param_out), OUT(float, v_out), OUT(float, mean_out),
                      OUT(float, velocity_out), const float rho, const float rest,
                      const float epsilon, const float momentum, COMMON, const int centered,
                      const int moves, SIZE)
{
    const float rate = PTR(lr)[0];
    const int on = APPLIES;
    EACH(i, n, chunk) {
        const float p = P, g = G, old_v = PTR(v)[i], v1 = rho * old_v + rest * (g * g);
        float size = v1;
        PTR(v_out)[i] = on ? v1 : old_v;
        if (centered) {
            const float old = PTR(mean)[i], m1 = rho * old + rest * g;
            size = v1 - m1 * m1;
            size = size < 0.0f ? 0.0f : size;
            PTR(mean_out)[i] = on ? m1 : old;
        }
        float d = g / (sqrt(size) + epsilon);
        if (moves) {
            const float old = PTR(velocity)[i];
            d = momentum * old + d;
            PTR(velocity_out)[i] = on ? d : old;
        }
        PTR(param_out)[i] = on ? STEP(d) : p;
    }
}

__kernel void adagrad(OPERANDS, IN(float, sum), SCALARS, OUT(float, param_out), OUT(float, sum_out),
                      const float epsilon, COMMON, SIZE)
{
    const float rate = PTR(lr)[0];
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = P, g = G, old = PTR(sum)[i], now = old + g * g;
        PTR(sum_out)[i] = on ? now : old;
        PTR(param_out)[i] = on ? STEP(g / (sqrt(now) + epsilon)) : p;
    }
}

__kernel void adadelta(OPERANDS, IN(float, v), IN(float, u), SCALARS, OUT(float, param_out),
                       OUT(float, v_out), OUT(float, u_out), const float rho, const float rest,
                       const float epsilon, COMMON, SIZE)
{
    const float rate = PTR(lr)[0];
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = P, g = G, old_v = PTR(v)[i], old_u = PTR(u)[i];
        const float v1 = rho * old_v + rest * (g * g);
        const float d = sqrt((old_u + epsilon) / (v1 + epsilon)) * g;
        PTR(v_out)[i] = on ? v1 : old_v;
        PTR(u_out)[i] = on ? rho * old_u + rest * (d * d) : old_u;
        PTR(param_out)[i] = on ? STEP(d) : p;
    }
}

__kernel void lion(OPERANDS, IN(float, m), SCALARS, OUT(float, param_out), OUT(float, m_out),
                   const float b1, const float a1, const float b2, const float a2, COMMON, SIZE)
{
    const float rate = PTR(lr)[0];
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = P, g = G, old = PTR(m)[i], mix = b1 * old + a1 * g;
        const float d = mix > 0.0f ? 1.0f : (mix < 0.0f ? -1.0f : mix);
        PTR(m_out)[i] = on ? b2 * old + a2 * g : old;
        PTR(param_out)[i] = on ? STEP(d) : p;
    }
}

/* r = what lamb would take off the parameter but for rate and norms. */
__kernel void lamb_direction(OPERANDS, IN(float, m), IN(float, v), IN(float, c), SCALARS,
                             OUT(float, m_out), OUT(float, v_out), OUT(float, r), const float b1,
                             const float a1, const float b2, const float a2, const float epsilon,
                             COMMON, SIZE)
{
    const float c1 = PTR(c)[0], c2 = PTR(c)[1];
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        ADAM_MOMENTS
        PTR(r)[i] = (m1 / c1) / (sqrt(v1 / c2) + epsilon) + decay * p;
    }
}

__kernel void lamb_step(IN(float, param), IN(float, r), IN(float, norms), IN(float, lr),
                        IN(float, go), OUT(float, param_out), SIZE)
{
    const float of_param = PTR(norms)[0], of_r = PTR(norms)[1];
    const float ratio = of_param == 0.0f || of_r == 0.0f ? 1.0f : of_param / of_r;
    const float scale = PTR(lr)[0] * ratio;
    const int on = APPLIES;
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = P;
        PTR(param_out)[i] = on ? p - scale * PTR(r)[i] : p;
    }
}

/* Sums of squares, of x 2^-64 and of x 2^64 too: where the square of a norm is beyond what an f32
 * holds, or so small that squares have vanished from it, one of these is in range. */
#define UP 0x1p64f
#define DOWN 0x1p-64f

static inline float root_of(float plain, float down, float up)
{
    if (isinf(plain))
        return sqrt(down) * UP;
    return plain < DOWN ? sqrt(up) * DOWN : sqrt(plain); /* NaN stays */
}

/* parts [n, 3]: sums, of every n-th element on a GPU and of a run of them elsewhere. */
__kernel void square_parts(IN(float, x), OUT(float, parts), const int count, SIZE)
{
    EACH(j, n, chunk) {
        float plain = 0.0f, down = 0.0f, up = 0.0f;
#ifdef CPU_CLASS
        const int size = (count - 1) / n + 1;
        const long end = min((long)count, (long)(j + 1) * size);
        long i = (long)j * size;
        float16 plains = (float16)(0.0f), downs = plains, ups = plains;
        for (; i + 16 <= end; i += 16) {
            const float16 v = vload16(0, PTR(x) + i), d = v * DOWN, u = v * UP;
            plains += v * v;
            downs += d * d;
            ups += u * u;
        }
        plain = sum16(plains);
        down = sum16(downs);
        up = sum16(ups);
        const int step = 1;
#else
        const long end = count;
        long i = j;
        const int step = n;
#endif
        for (; i < end; i += step) {
            const float v = PTR(x)[i], d = v * DOWN, u = v * UP;
            plain += v * v;
            down += d * d;
            up += u * u;
        }
        PTR(parts)[3 * j] = plain;
        PTR(parts)[3 * j + 1] = down;
        PTR(parts)[3 * j + 2] = up;
    }
}

#ifdef GPU_CLASS
__kernel void root_group(IN(float, parts), OUT(float, y), const int count)
{
    __local float tmp[256];
    const int size = (int)get_local_size(0), l = (int)get_local_id(0);
    float sum[3] = {0.0f, 0.0f, 0.0f};
    for (int k = 0; k < 3; k++) {
        for (int i = l; i < count; i += size)
            sum[k] += PTR(parts)[3 * i + k];
        sum[k] = group_sum(sum[k], tmp);
    }
    if (l == 0)
        PTR(y)[0] = root_of(sum[0], sum[1], sum[2]);
}
#else
__kernel void root_item(IN(float, parts), OUT(float, y), const int count)
{
    float plain = 0.0f, down = 0.0f, up = 0.0f;
    for (int i = 0; i < count; i++) {
        plain += PTR(parts)[3 * i];
        down += PTR(parts)[3 * i + 1];
        up += PTR(parts)[3 * i + 2];
    }
    PTR(y)[0] = root_of(plain, down, up);
}
#endif

/* rate: momentum_decay ln 0.96. */
__kernel void nadam_correction(IN(float, product), IN(long, step), IN(float, go), OUT(float, c),
                               OUT(float, product_out), const float beta1, const float log_beta2,
                               const float rate, SIZE)
{
    EACH(i, n, chunk) {
        const float t = (float)PTR(step)[0], old = PTR(product)[0];
        const float mu = beta1 * (1.0f - 0.5f * exp(t * rate));
        const float next = beta1 * (1.0f - 0.5f * exp((t + 1.0f) * rate));
        const float now = old * mu;
        PTR(c)[0] = (1.0f - mu) / (1.0f - now);
        PTR(c)[1] = next / (1.0f - now * next);
        PTR(c)[2] = t == 0.0f ? 0.0f : -expm1(t * log_beta2);
        PTR(product_out)[0] = APPLIES ? now : old;
    }
}
