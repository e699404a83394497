/* Conversions from S to D. Float to integer truncates, saturates, and makes NaN 0. The host chooses
 * among the macros below: -DLOAD, -DCONVERT, -DSTORE. */
#define LOAD_ELEMENT(p, i) ((p)[i])
#define LOAD_F16(p, i) load_f16(p, i)
#define LOAD_BF16(p, i) from_bf16((p)[i])
#define STORE_ELEMENT(v, p, i) ((p)[i] = (v))
#define STORE_F16(v, p, i) store_f16(v, p, i)
#define STORE_BF16(v, p, i) ((p)[i] = to_bf16(v))
#define AS_IT_IS(x) (x)
#define PLAIN(x) ((D)(x))
#define TO_INT(x) (isnan(x) ? 0 : convert_int_sat_rtz(x))
#define TO_LONG(x) (isnan(x) ? 0 : convert_long_sat_rtz(x))
#define TO_UCHAR(x) (isnan(x) ? (uchar)0 : convert_uchar_sat_rtz(x))
#define TO_BOOL(x) ((uchar)((x) != 0))

/* The f32 next to x whose last bit is odd unless it is x itself: narrowing that once more gives what
 * narrowing x at once would have. */
static inline float ODD_LONG(long x)
{
    const ulong size = abs(x);
    const int drop = max(0, 40 - (int)clz(size));
    const ulong kept = size >> drop;
    const float f = (float)(int)(kept | (ulong)((kept << drop) != size)) * (float)(1UL << drop);
    return x < 0 ? -f : f;
}
/* In 32 bits: Mesa 22.3 compares an int that was made long as if it had no sign. */
static inline float ODD_INT(int x)
{
    const uint size = abs(x);
    const int drop = max(0, 8 - (int)clz(size));
    const uint kept = size >> drop;
    const float f = (float)(int)(kept | (uint)((kept << drop) != size)) * (float)(1 << drop);
    return x < 0 ? -f : f;
}

__kernel void cast_(IN(S, x), OUT(D, y), const int n, const int chunk)
{
    EACH(i, n, chunk)
        STORE(CONVERT(LOAD(PTR(x), i)), PTR(y), i);
}
