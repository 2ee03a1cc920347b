/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": optimal string alignment over short names. */
#include "base/str.h"

#define NEAR_BYTES_MAX    64
#define NEAR_DISTANCE_MAX 3

size_t str_distance(struct str a, struct str b)
{
	/* rows[i % 3][j]: distance of a's first i bytes to b's first j */
	size_t rows[3][NEAR_BYTES_MAX + 1];
	size_t n = MIN(a.n, NEAR_BYTES_MAX), m = MIN(b.n, NEAR_BYTES_MAX);

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			row[j] = MIN(row[j], above[j] + 1);
			row[j] = MIN(row[j], row[j - 1] + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				row[j] = MIN(row[j], above2[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

struct str str_nearest(struct str s, const struct str *candidates, size_t n)
{
	struct str best = STR_NONE;
	size_t best_distance = NEAR_DISTANCE_MAX + 1;

	for (size_t i = 0; i < n; i++) {
		struct str c = candidates[i];
		size_t longer = MAX(s.n, c.n), shorter = MIN(s.n, c.n), d;

		if (c.n == 0 || longer > NEAR_BYTES_MAX || longer - shorter > NEAR_DISTANCE_MAX)
			continue;
		d = str_eq_nocase(s, c) ? 0 : str_distance(s, c);
		if (d <= longer / 3 && d < best_distance) {
			best = c;
			best_distance = d;
		}
	}
	return best;
}
