/* Sums of runs: y[r] = the sum of x[r L .. r L + L), cut at N, divided by `divisor`. */
__kernel void sums_item(IN(float, x), OUT(float, y), const int L, const int N,
                        const float divisor, const int n, const int chunk)
{
    EACH(r, n, chunk) {
        int i = (int)((long)r * L);
        const int end = (int)min((long)N, (long)r * L + L);
#ifdef CPU_CLASS
        float16 acc = (float16)(0.0f);
        for (; i + 16 <= end; i += 16)
            acc += vload16(0, PTR(x) + i);
        float sum = sum16(acc);
#else
        float sum = 0.0f;
#endif
        for (; i < end; i++)
            sum += PTR(x)[i];
        PTR(y)[r] = sum / divisor;
    }
}

#ifdef GPU_CLASS
__kernel void sums_group(IN(float, x), OUT(float, y), const int L, const int N,
                         const float divisor)
{
    __local float tmp[256];
    const long r = get_group_id(0);
    const int begin = (int)(r * L), end = (int)min((long)N, r * L + L);
    float sum = 0.0f;
    for (int i = begin + (int)get_local_id(0); i < end; i += (int)get_local_size(0))
        sum += PTR(x)[i];
    sum = group_sum(sum, tmp);
    if (get_local_id(0) == 0)
        PTR(y)[r] = sum / divisor;
}
#endif

/* y = a / b, of one number each */
__kernel void quotient(IN(float, a), IN(float, b), OUT(float, y), const int n, const int chunk)
{
    EACH(i, n, chunk) {
        PTR(y)[i] = PTR(a)[i] / PTR(b)[i];
    }
}
