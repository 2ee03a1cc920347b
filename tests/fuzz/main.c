/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer: runs the target once a file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!data || !f) {
		fprintf(stderr, "cannot read '%s'\n", path);
		free(data);
		return 1;
	}
	n = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* The exact size, so that a read behind it is seen. */
	uint8_t *exact = n ? realloc(data, n) : data;
	LLVMFuzzerTestOneInput(exact ? exact : data, n);
	free(exact ? exact : data);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (run_file(argv[i]))
			return 1;
		printf("ok %s\n", argv[i]);
	}
	return 0;
}
