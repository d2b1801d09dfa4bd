/*
 * An EGL driver that misbehaves when it imports a dma-buf. It is Mesa's, loaded by libglvnd as a vendor library of
 * its own; only the import and the vendor's name are others. HOSTILE_EGL says what the import does, and each import
 * writes the id of its process to the file HOSTILE_EGL_LOG.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EGL_VENDOR 0x3053

typedef void (*function)(void);

/* The first members of __EGLapiImports in libglvnd's libeglabi.h; the others stay as Mesa fills them. */
struct imports {
	void *(*get_platform_display)(unsigned, void *, const intptr_t *);
	unsigned (*get_supports_api)(unsigned);
	const char *(*get_vendor_string)(int);
	void *(*get_proc_address)(const char *);
};

static void *(*mesa_proc_address)(const char *);
static const char *(*mesa_query_string)(void *, int32_t);

static void print_to_all_pipes(void)
{
	static char garbage[4096];
	struct stat status;

	memset(garbage, '{', sizeof(garbage));
	for (;;)
		for (int fd = 1; fd < 64; fd++)
			if (!fstat(fd, &status) && S_ISFIFO(status.st_mode) &&
			    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY && write(fd, garbage, sizeof(garbage)) < 0)
				usleep(1000);
}

static void *create_image(void)
{
	const char *mode = getenv("HOSTILE_EGL");
	char line[16];
	int log = open(getenv("HOSTILE_EGL_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);

	if (write(log, line, snprintf(line, sizeof(line), "%d\n", getpid())) < 0)
		_exit(99);
	close(log);
	if (!strcmp(mode, "abort"))
		abort();
	if (!strcmp(mode, "segfault"))
		*(volatile int *)0 = 0;
	if (!strcmp(mode, "exit"))
		_exit(0);
	if (!strcmp(mode, "garbage"))
		print_to_all_pipes();
	if (!strcmp(mode, "memory"))
		for (;;) {
			/* No more than the limit in one look of the watcher: the test must not harm the machine. */
			char *block = malloc(1 << 20);
			if (block)
				memset(block, 1, 1 << 20);
			usleep(500);
		}
	/* A hang that SIGTERM does not end. */
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

static const char *query_string(void *display, int32_t name)
{
	if (name == EGL_VENDOR && display)
		return "Hostile EGL of a test";
	return mesa_query_string(display, name);
}

static void *proc_address(const char *name)
{
	if (!strcmp(name, "eglCreateImageKHR") || !strcmp(name, "eglCreateImage"))
		return (void *)create_image;
	if (!strcmp(name, "eglQueryString")) {
		mesa_query_string = (const char *(*)(void *, int32_t))mesa_proc_address(name);
		return (void *)query_string;
	}
	return mesa_proc_address(name);
}

unsigned __egl_Main(uint32_t version, const void *exports, void *vendor, struct imports *imports)
{
	void *mesa = dlopen("libEGL_mesa.so.0", RTLD_NOW | RTLD_LOCAL);
	unsigned (*mesa_main)(uint32_t, const void *, void *, struct imports *);

	if (!mesa)
		return 0;
	mesa_main = (unsigned (*)(uint32_t, const void *, void *, struct imports *))dlsym(mesa, "__egl_Main");
	if (!mesa_main || !mesa_main(version, exports, vendor, imports))
		return 0;
	mesa_proc_address = imports->get_proc_address;
	imports->get_proc_address = proc_address;
	return 1;
}
