/* What follows a matrix product: y = alpha y + beta c, c broadcast as `nest` says. */
__kernel void scale(OUT(float, y), const float alpha, const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] *= alpha;
}

__kernel void scale_and_add(OUT(float, y), IN(float, c), IN(int, nest), const float alpha,
                            const float beta, const int n, const int chunk)
{
    EACH(i, n, chunk)
        PTR(y)[i] = alpha * PTR(y)[i] + beta * PTR(c)[table_offset(PTR(nest), 0, i)];
}
