/* Between f32 and the 16-bit types. vload_half and vstore_half need no cl_khr_fp16. */

__kernel void widen_f16(IN(half, x), OUT(float, y), const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = load_f16(PTR(x), i);
}

__kernel void narrow_f16(IN(float, x), OUT(half, y), const int n, const int chunk)
{
    EACH(i, n, chunk)
        store_f16(PTR(x)[i], PTR(y), i);
}

__kernel void widen_bf16(IN(ushort, x), OUT(float, y), const int n, const int chunk)
{
    INDEPENDENT
    EACH(i, n, chunk)
        PTR(y)[i] = from_bf16(PTR(x)[i]);
}

__kernel void narrow_bf16(IN(float, x), OUT(ushort, y), const int n, const int chunk)
{
    INDEPENDENT
    EACH(i, n, chunk)
        PTR(y)[i] = to_bf16(PTR(x)[i]);
}
