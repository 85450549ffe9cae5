/* What the fuzzers share: any bytes may be given, and they give an error or something sound.
 *
 * `make fuzz` builds each with libFuzzer and the address and undefined-behaviour sanitizers and
 * runs it; FUZZ=name runs one. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a picture may cost here. */
enum { FUZZ_PIXELS = 1 << 16, FUZZ_BYTES = 1 << 22 };

/* A path under which the bytes can be read as a file. */
const char *fuzz_file(const uint8_t *data, size_t size);

#endif
