/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/relay_pages.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that may be written hold more than their file does. */
static void drop_segment(const ElfW(Phdr) * h, uintptr_t base)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (base + h->p_vaddr) & ~(page - 1);
	uintptr_t to = (base + h->p_vaddr + h->p_memsz + page - 1) & ~(page - 1);

	if (h->p_type == PT_LOAD && !(h->p_flags & PF_W))
		(void)madvise((void *)from, to - from, MADV_DONTNEED); /* else they stay */
}

/* The first is the program, behind it are its libraries. */
static int drop_program(struct dl_phdr_info *info, size_t size, void *data)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		drop_segment(&info->dlpi_phdr[i], info->dlpi_addr);
	return 1;
}

void relay_pages_drop(void)
{
	(void)dl_iterate_phdr(drop_program, NULL);
}
