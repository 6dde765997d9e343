/* Build-time program: writes the table of fingerprint_letters.h to standard output, by the tables of the views. */
#include <stdio.h>

#include "filters/behaviour/fingerprint_letters.h"

int main(void)
{
    printf("/* Made by fingerprint_generator.c. */\n#include \"filters/behaviour/fingerprint_letters.h\"\n\n"
           "const uint16_t fingerprint_near[FINGERPRINT_NEAR] = {");
    for (uint32_t c = 0; c < FINGERPRINT_NEAR; c++) {
        struct fingerprint_letters letters = {.count = 0};
        if (c >= 0x80)
            fingerprint_put(&letters, c);
        printf("%s%u,", c % 16 ? "" : "\n",
               letters.count > 1 ? (unsigned)FINGERPRINT_SEVERAL
               : letters.count   ? letters.at[0]
                                 : 0U);
    }
    printf("\n};\n");
    return ferror(stdout) != 0;
}
