/* SPDX-License-Identifier: MIT
 *
 * The register tile of products and convolutions: MR rows and two vectors of columns. */
#ifndef CPU_OPS_TILE_H
#define CPU_OPS_TILE_H

#if defined(__AVX512F__)
enum { LANES = 16, MR = 12 };
#elif defined(__AVX2__)
enum { LANES = 8, MR = 6 };
#else
enum { LANES = 4, MR = 5 };
#endif
enum { NR = 2 * LANES };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#endif
