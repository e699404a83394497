/* Optimizer steps and other writers of state; all may run in place. With apply = 0 each output is
 * its input's bits, whatever the gradient holds. */

/* Scaled, and limited to clip: NaN stays. */
static inline float scaled(float g, float mul, float clip)
{
    g *= mul;
    return g > clip ? clip : (g < -clip ? -clip : g);
}

__kernel void sgd(IN(float, param), IN(float, grad), IN(float, velocity), IN(float, lr),
                  IN(float, grad_mul), IN(float, go), OUT(float, param_out),
                  OUT(float, velocity_out), const float momentum, const int nesterov,
                  const float weight_decay, const float clip, const int n, const int chunk)
{
    __global const float *pp = PTR(param), *pg = PTR(grad), *pv = PTR(velocity);
    __global float *op = PTR(param_out), *ov = PTR(velocity_out);
    const float rate = PTR(lr)[0], mul = PTR(grad_mul)[0];
    if (PTR(go)[0] == 0.0f) {
        EACH(i, n, chunk) {
            op[i] = pp[i];
            ov[i] = pv[i];
        }
        return;
    }
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = pp[i], g = scaled(pg[i], mul, clip) + weight_decay * p;
        const float v = momentum * pv[i] + g;
        ov[i] = v;
        op[i] = p - rate * (nesterov ? g + momentum * v : v);
    }
}

__kernel void sgd_plain(IN(float, param), IN(float, grad), IN(float, lr), IN(float, grad_mul),
                        IN(float, go), OUT(float, param_out), const float weight_decay,
                        const float clip, const int n, const int chunk)
{
    __global const float *pp = PTR(param), *pg = PTR(grad);
    __global float *op = PTR(param_out);
    const float rate = PTR(lr)[0], mul = PTR(grad_mul)[0];
    if (PTR(go)[0] == 0.0f) {
        EACH(i, n, chunk)
            op[i] = pp[i];
        return;
    }
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = pp[i], g = scaled(pg[i], mul, clip) + weight_decay * p;
        op[i] = p - rate * g;
    }
}

/* l2 is added to the gradient (adam); decay shrinks the parameter itself (adamw). */
__kernel void adam(IN(float, param), IN(float, grad), IN(float, m), IN(float, v),
                   IN(float, correction), IN(float, lr), IN(float, grad_mul), IN(float, go),
                   OUT(float, param_out), OUT(float, m_out), OUT(float, v_out), const float beta1,
                   const float beta1_rest, const float beta2, const float beta2_rest,
                   const float epsilon, const float l2, const float decay, const float clip,
                   const int n, const int chunk)
{
    __global const float *pp = PTR(param), *pg = PTR(grad), *pm = PTR(m), *pv = PTR(v);
    __global float *op = PTR(param_out), *om = PTR(m_out), *ov = PTR(v_out);
    const float rate = PTR(lr)[0], mul = PTR(grad_mul)[0];
    const float c1 = PTR(correction)[0], c2 = PTR(correction)[1];
    if (PTR(go)[0] == 0.0f) {
        EACH(i, n, chunk) {
            op[i] = pp[i];
            om[i] = pm[i];
            ov[i] = pv[i];
        }
        return;
    }
    INDEPENDENT
    EACH(i, n, chunk) {
        const float p = pp[i], g = scaled(pg[i], mul, clip) + l2 * p;
        const float m1 = beta1 * pm[i] + beta1_rest * g;
        const float v1 = beta2 * pv[i] + beta2_rest * (g * g);
        om[i] = m1;
        ov[i] = v1;
        op[i] = p - rate * (m1 / c1) / (sqrt(v1 / c2) + epsilon) - rate * decay * p;
    }
}

__kernel void bias_correction(IN(long, step), OUT(float, y), const float log_beta1,
                              const float log_beta2, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const float step = (float)PTR(step)[0]; /* the logarithm of a beta of 0 is -inf */
        PTR(y)[i] = step == 0.0f ? 0.0f : -expm1(step * (i == 0 ? log_beta1 : log_beta2));
    }
}

__kernel void counter_add(IN(long, x), IN(float, go), OUT(long, y), const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = PTR(x)[i] + (PTR(go)[0] != 0.0f ? 1 : 0);
}

__kernel void ema_update(IN(float, state), IN(float, value), IN(float, go), OUT(float, y),
                         const float momentum, const float rest, const int n, const int chunk)
{
    const int on = PTR(go)[0] != 0.0f;
    EACH(i, n, chunk) {
        const float old = PTR(state)[i];
        PTR(y)[i] = on ? momentum * old + rest * PTR(value)[i] : old;
    }
}

__kernel void accumulate(IN(float, acc), IN(float, value), IN(float, reset), OUT(float, y),
                         const int n, const int chunk)
{
    const int fresh = PTR(reset)[0] != 0.0f;
    INDEPENDENT
    EACH(i, n, chunk) {
        const float old = PTR(acc)[i], v = PTR(value)[i];
        PTR(y)[i] = fresh ? v : old + v;
    }
}
