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

/* One mask for several elements: `nest` places an element's draw within its sample, M draws long. */
__kernel void dropout_shared(IN(float, x), IN(long, sample), IN(long, rng), OUT(float, y),
                             IN(int, nest), const int E, const float rate, const float keep_scale,
                             const long path_hash, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int row = i / E, place = table_offset(PTR(nest), 0, i - row * E);
        const ulong key = mix64((ulong)PTR(rng)[0] ^ (ulong)path_hash);
        const uint4 draw = philox(key, (ulong)(place / 4), (ulong)PTR(sample)[row]);
        const uint lane[4] = {draw.x, draw.y, draw.z, draw.w};
        const float v = PTR(x)[i] * keep_scale;
        PTR(y)[i] = unit(lane[place & 3]) >= rate ? v : 0.0f;
    }
}

/* The draws of a block of four elements. Without samples everything is sample 0. */
#define BLOCK_OF(i)                                                                                \
    const int row = i / blocks, e = (i - row * blocks) * 4;                                        \
    const long at = (long)row * E + e;                                                             \
    const ulong key = mix64((ulong)PTR(rng)[0] ^ (ulong)path_hash);                                \
    const ulong which = sampled ? (ulong)PTR(sample)[row] : 0UL;                                   \
    const uint4 draw = philox(key, (ulong)(e / 4), which);                                         \
    const uint lane[4] = {draw.x, draw.y, draw.z, draw.w};

#define DRAWN_ARGS                                                                                 \
    const int sampled, const int E, const int blocks, const long path_hash, const int n,           \
        const int chunk

/* fma and not a product and a sum: one rounding, on every device. */
__kernel void uniform_blocks(IN(long, rng), IN(long, sample), OUT(float, y), const float low,
                             const float range, const float high, DRAWN_ARGS)
{
    EACH(i, n, chunk) {
        BLOCK_OF(i)
        for (int k = 0; k < 4 && e + k < E; k++) {
            const float v = fma(range, unit(lane[k]), low);
            PTR(y)[at + k] = v < high ? v : low;
        }
    }
}

/* Integers alone, as tenon/normal_table.h describes; `quantiles` is its table. */
__kernel void normal_blocks(IN(long, rng), IN(long, sample), OUT(float, y), IN(int, quantiles),
                            const float mean, const float std, DRAWN_ARGS)
{
    EACH(i, n, chunk) {
        BLOCK_OF(i)
        for (int k = 0; k < 4 && e + k < E; k++) {
            const uint m = lane[k] >> 1;
            uint z;
            if (m < 32u) {
                z = (uint)PTR(quantiles)[3u * m];
            } else {
                const uint top = 31u - clz(m);
                __global const int *c =
                    PTR(quantiles) + 3u * ((top - 4u) * 32u + (m >> (top - 5u)) % 32u);
                const uint u = (~m << 1) << (36u - top);
                z = (uint)c[0] + mul_hi(u, (uint)c[1] + mul_hi(u, (uint)c[2]));
            }
            const float size = convert_float_rte((int)z) * 0x1p-28f;
            PTR(y)[at + k] = fma(std, lane[k] & 1u ? -size : size, mean);
        }
    }
}

#ifdef T
__kernel void bernoulli_blocks(IN(long, rng), IN(long, sample), IN(float, p), OUT(T, y),
                               const int has_p, const float prob, DRAWN_ARGS)
{
    EACH(i, n, chunk) {
        BLOCK_OF(i)
        for (int k = 0; k < 4 && e + k < E; k++)
            PTR(y)[at + k] = unit(lane[k]) < (has_p ? PTR(p)[at + k] : prob) ? 1 : 0;
    }
}
#endif

/* Keys to sort: the upper 31 bits of the draw over the place; past N, what sorts last. */
__kernel void permutation_keys(IN(long, rng), OUT(ulong, keys), const int N, const long path_hash,
                               const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const ulong key = mix64((ulong)PTR(rng)[0] ^ (ulong)path_hash);
        const uint4 draw = philox(key, (ulong)(i / 4), 0UL);
        const uint lane[4] = {draw.x, draw.y, draw.z, draw.w};
        PTR(keys)[i] = i < N ? (ulong)(lane[i & 3] >> 1) << 32 | (ulong)i : ~0UL;
    }
}

/* One step of a bitonic sort (Batcher 1968): item i compares the pair that lies `apart` places apart;
 * runs of 2 * `run` places end up in order. */
__kernel void sort_step(OUT(ulong, keys), const int run, const int apart, const int n,
                        const int chunk)
{
    EACH(i, n, chunk) {
        const int lo = i / apart * apart * 2 + i % apart, hi = lo + apart;
        const ulong a = PTR(keys)[lo], b = PTR(keys)[hi];
        const int up = (lo & (2 * run)) == 0;
        if ((a > b) == up) {
            PTR(keys)[lo] = b;
            PTR(keys)[hi] = a;
        }
    }
}

__kernel void permutation_places(IN(ulong, keys), OUT(long, y), const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = (long)(PTR(keys)[i] & 0xffffffffUL);
}
