/* pack_layout.h - how weights lie in memory once they are packed (llm/kernels).
 * A panel is 16 rows. Its blocks of 32 columns follow each other, each as one of the structs below.
 *
 * Nibbles: 4 vectors of 64 bytes. Byte 4r+i of vector j holds for row r column 4j+i in its low half and
 * column 16+4j+i in its high half, so a 32-bit lane belongs to one row and there is never a sum across lanes:
 *
 *     vector j | row 0: i=0..3 | row 1: i=0..3 | ... | row 15: i=0..3 |
 *
 * masked gives group j (columns 4j..4j+3), shifted by 4 and masked gives group j+4.
 * Fifth bits (Q5_0): one vector; bit g of byte 4r+i belongs to column 4g+i of row r.
 * Bits 4 and 5 (Q6_K): two vectors; bits 2g,2g+1 of byte 4r+i of vector h belong to column 16h+4g+i.
 * Bytes (Q8_0): 8 vectors, byte 4r+i of vector g is column 4g+i of row r.
 * Scales stay in the half precision of the file; a packed file is at most 3% larger than its source (Q4_K). */
#ifndef LLM_KERNELS_PACK_LAYOUT_H
#define LLM_KERNELS_PACK_LAYOUT_H

#include <stdint.h>

#define PACK_LAYOUT                                                                                \
    1 /* raised whenever a struct below or the order of panels changes: packed files are kept */

struct pack_q4_0 {
    uint16_t d[16];
    uint8_t qs[4][64]; /* value + 8 */
};
struct pack_q4_1 {
    uint16_t d[16], m[16];
    uint8_t qs[4][64];
};
struct pack_q5_0 {
    uint16_t d[16];
    uint8_t qh[64];
    uint8_t qs[4][64]; /* value + 16, low four bits */
};
struct pack_q8_0 {
    uint16_t d[16];
    int8_t qs[8][64];
};
struct pack_q4_k { /* 256 columns */
    uint16_t d[16], dmin[16];
    struct {
        uint8_t sc[16], m[16];
        uint8_t qs[4][64];
    } b[8];
};
struct pack_q6_k { /* 256 columns */
    uint16_t d[16];
    struct {
        int8_t sc[2][16];
        uint8_t qh[2][64];
        uint8_t qs[4][64]; /* value + 32, low four bits */
    } b[8];
};

#endif
