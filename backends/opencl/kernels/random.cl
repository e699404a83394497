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
