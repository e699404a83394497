/* Dropout from Philox4x32-10 (Salmon et al., SC11): a draw depends on its key and place alone, and
 * is the same bits on every backend. */
static inline ulong mix64(ulong x)
{
    x += 0x9e3779b97f4a7c15UL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9UL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebUL;
    return x ^ (x >> 31);
}

static inline uint4 philox(ulong key, ulong block, ulong sample)
{
    uint4 c = (uint4)((uint)block, (uint)(block >> 32), (uint)sample, (uint)(sample >> 32));
    uint k0 = (uint)key, k1 = (uint)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const ulong p0 = (ulong)0xD2511F53u * c.x, p1 = (ulong)0xCD9E8D57u * c.z;
        c = (uint4)((uint)(p1 >> 32) ^ c.y ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c.w ^ k1, (uint)p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

static inline float unit(uint draw)
{
    return (float)(draw >> 8) * 0x1p-24f;
}

/* x [N, E] -> y; one item draws a block of four elements of one sample. */
__kernel void dropout(IN(float, x), IN(long, sample), IN(long, rng), OUT(float, y), const int E,
                      const int blocks, const float rate, const float keep_scale,
                      const long path_hash, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int row = i / blocks, block = i - row * blocks;
        const ulong key = mix64((ulong)PTR(rng)[0] ^ (ulong)path_hash);
        const uint4 draw = philox(key, (ulong)block, (ulong)PTR(sample)[row]);
        const uint lane[4] = {draw.x, draw.y, draw.z, draw.w};
        const int e = block * 4;
        const long at = (long)row * E + e;
        for (int k = 0; k < 4 && e + k < E; k++)
            PTR(y)[at + k] = unit(lane[k]) >= rate ? PTR(x)[at + k] * keep_scale : 0.0f;
    }
}

#ifdef CPU_CLASS
/* The same draws, sixteen blocks of one sample at a time: item = a run of 64 elements. */
__kernel void dropout_runs(IN(float, x), IN(long, sample), IN(long, rng), OUT(float, y),
                           const int E, const int runs, const float rate, const float keep_scale,
                           const long path_hash, const int n, const int chunk)
{
    const uint16 lane =
        (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const ulong key = mix64((ulong)PTR(rng)[0] ^ (ulong)path_hash);
    uint draw[64];
    EACH(i, n, chunk) {
        const int row = i / runs, run = i - row * runs;
        const ulong s = (ulong)PTR(sample)[row];
        uint16 c0 = (uint)run * 16u + lane, c1 = (uint16)(0u);
        uint16 c2 = (uint16)((uint)s), c3 = (uint16)((uint)(s >> 32));
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++) {
            const uint16 h0 = mul_hi((uint16)(0xD2511F53u), c0), l0 = c0 * 0xD2511F53u;
            const uint16 h1 = mul_hi((uint16)(0xCD9E8D57u), c2), l1 = c2 * 0xCD9E8D57u;
            c0 = h1 ^ c1 ^ k0;
            c1 = l1;
            c2 = h0 ^ c3 ^ k1;
            c3 = l0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        vstore16(c0, 0, draw);
        vstore16(c1, 1, draw);
        vstore16(c2, 2, draw);
        vstore16(c3, 3, draw);
        const int e0 = run * 64, len = min(64, E - e0);
        __global const float *px = PTR(x) + (long)row * E + e0;
        __global float *py = PTR(y) + (long)row * E + e0;
        INDEPENDENT
        for (int e = 0; e < len; e++) {
            const float v = px[e] * keep_scale;
            py[e] = unit(draw[(e & 3) * 16 + (e >> 2)]) >= rate ? v : 0.0f;
        }
    }
}
#endif
