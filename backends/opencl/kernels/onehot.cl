/* T: an element of the size at hand; L: int or long, the indices. */

/* y [outer, depth, inner] from ids [outer, inner] of type L; the patterns are elements. */
__kernel void one_hot(IN(L, id), OUT(T, y), const long on, const long off, const int depth,
                      const int inner, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int block = i / inner, outer = block / depth;
        const int place = block - outer * depth;
        const L id = PTR(id)[outer * inner + (i - block * inner)]; /* its own type: see gather.cl */
        const L wanted = id < 0 ? (L)(id + (L)depth) : id;
        PTR(y)[i] = wanted == (L)place ? (T)(ulong)on : (T)(ulong)off;
    }
}
