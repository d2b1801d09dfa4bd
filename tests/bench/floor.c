/*
 * The least that a C program needs for the work of `mdevview bench`: the floor of each figure.
 *
 *     cc -O2 -o floor tests/bench/floor.c -lEGL -lGLESv2
 *     echo "cached 64 64 0.5" | ./floor
 *
 * Each line of standard input is CASE WIDTH HEIGHT SECONDS, where WIDTH x HEIGHT is the size of the target. The answer
 * is one line: median, 99th percentile and CPU time of a frame in microseconds, and the number of frames; or
 * "unavailable" and the reason. The first line of output is the renderer.
 *
 * The guest has three framebuffers (memfds) of 1920x1080 XR24 and a 64x64 AR24 cursor. Each frame shows the next one
 * and ends with glFinish. State that no frame changes is set once: a program that draws nothing else need not repeat it.
 */
#define _GNU_SOURCE
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
#include <GLES2/gl2ext.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 1920
#define HEIGHT 1080
#define CURSOR 64
#define BUFFERS 3
#define MOST_FRAMES 100000
#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define QUERY_GFX_PLANE 0x3b72
#define XR24 FOURCC('X', 'R', '2', '4')
#define AR24 FOURCC('A', 'R', '2', '4')

struct buffer {
    int fd;
    void *memory;
    int width, height;
    uint32_t fourcc;
    EGLImageKHR image;
    GLuint texture;
};

struct quad {
    GLfloat place[4]; /* left, top, width, height in clip space, downwards */
};

static EGLDisplay display;
static PFNEGLCREATEIMAGEKHRPROC create_image;
static PFNEGLDESTROYIMAGEKHRPROC destroy_image;
static PFNGLEGLIMAGETARGETTEXTURE2DOESPROC image_target_texture;
static int imports;
static GLuint program, smooth, exact;
static GLint place_location;
static struct buffer primary[BUFFERS], cursor;
static GLuint uploaded, uploaded_cursor;
static GLuint framebuffer, target;
static int target_width, target_height;
static struct quad primary_quad, cursor_quad;
static uint8_t *pixels;
static int64_t samples[MOST_FRAMES];

static void fail(const char *what)
{
    fprintf(stderr, "floor: %s failed (EGL 0x%x, GL 0x%x)\n", what, eglGetError(), glGetError());
    exit(1);
}

static int64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static EGLImageKHR import(const struct buffer *b)
{
    const EGLint attributes[] = {
        EGL_WIDTH, b->width, EGL_HEIGHT, b->height, EGL_LINUX_DRM_FOURCC_EXT, (EGLint)b->fourcc,
        EGL_DMA_BUF_PLANE0_FD_EXT, b->fd, EGL_DMA_BUF_PLANE0_OFFSET_EXT, 0,
        EGL_DMA_BUF_PLANE0_PITCH_EXT, b->width * 4,
        EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, 0, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT, 0, EGL_NONE,
    };
    return create_image(display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, attributes);
}

static GLuint new_texture(void)
{
    GLuint name;
    glGenTextures(1, &name);
    glBindTexture(GL_TEXTURE_2D, name);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    return name;
}

static void attach(struct buffer *b)
{
    b->image = import(b);
    if (!b->image) {
        imports = 0;
        return;
    }
    b->texture = new_texture();
    image_target_texture(GL_TEXTURE_2D, b->image);
}

static void detach(struct buffer *b)
{
    glDeleteTextures(1, &b->texture);
    destroy_image(display, b->image);
}

static void make_buffer(struct buffer *b, int width, int height, uint32_t fourcc, int seed)
{
    size_t size = (size_t)width * height * 4;
    b->width = width;
    b->height = height;
    b->fourcc = fourcc;
    b->fd = memfd_create("floor", MFD_CLOEXEC);
    if (b->fd < 0 || ftruncate(b->fd, size))
        fail("memfd_create");
    b->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
    if (b->memory == MAP_FAILED)
        fail("mmap");
    for (size_t i = 0; i < size / 4; i++)
        ((uint32_t *)b->memory)[i] = (uint32_t)(i * 2654435761u + seed);
}

static GLuint upload_texture(const struct buffer *b)
{
    GLuint name = new_texture();
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_SWIZZLE_R, GL_BLUE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_SWIZZLE_B, GL_RED);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_SWIZZLE_A, b->fourcc == AR24 ? GL_ALPHA : GL_ONE);
    glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, b->width, b->height);
    return name;
}

static void upload(GLuint texture, const struct buffer *b, const void *memory)
{
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, b->width, b->height, GL_RGBA, GL_UNSIGNED_BYTE, memory);
}

static GLuint compile(GLenum kind, const char *source)
{
    GLuint shader = glCreateShader(kind);
    GLint good;
    glShaderSource(shader, 1, &source, NULL);
    glCompileShader(shader);
    glGetShaderiv(shader, GL_COMPILE_STATUS, &good);
    if (!good)
        fail("glCompileShader");
    return shader;
}

static void make_program(void)
{
    program = glCreateProgram();
    glAttachShader(program, compile(GL_VERTEX_SHADER,
        "#version 300 es\nprecision highp float;\nuniform vec4 place;\nout vec2 coordinate;\n"
        "void main() { coordinate = vec2(gl_VertexID & 1, gl_VertexID >> 1);\n"
        "gl_Position = vec4(place.xy + coordinate * place.zw, 0.0, 1.0); }\n"));
    glAttachShader(program, compile(GL_FRAGMENT_SHADER,
        "#version 300 es\nprecision highp float;\nuniform highp sampler2D image;\nin vec2 coordinate;\nout vec4 colour;\n"
        "void main() { colour = texture(image, coordinate); }\n"));
    glLinkProgram(program);
    place_location = glGetUniformLocation(program, "place");
    glUseProgram(program);
}

static GLuint make_sampler(GLint filter)
{
    GLuint name;
    glGenSamplers(1, &name);
    glSamplerParameteri(name, GL_TEXTURE_MIN_FILTER, filter);
    glSamplerParameteri(name, GL_TEXTURE_MAG_FILTER, filter);
    glSamplerParameteri(name, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glSamplerParameteri(name, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    return name;
}

static void make_target(int width, int height)
{
    glGenTextures(1, &target);
    glBindTexture(GL_TEXTURE_2D, target);
    glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, width, height);
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, target, 0);
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
        fail("glCheckFramebufferStatus");
}

static void delete_target(void)
{
    glDeleteFramebuffers(1, &framebuffer);
    glDeleteTextures(1, &target);
}

/* The picture as large as fits, in the middle, as `mdevview` places it. */
static void lay_out(int width, int height)
{
    int across = width, down = (int)((double)HEIGHT * width / WIDTH + 0.5);
    if (down > height) {
        down = height;
        across = (int)((double)WIDTH * height / HEIGHT + 0.5);
    }
    double left = (width - across) / 2, top = (height - down) / 2, scale = (double)across / WIDTH;
    primary_quad = (struct quad){{2 * left / width - 1, 1 - 2 * top / height, 2.0 * across / width,
                                  -2.0 * down / height}};
    cursor_quad = (struct quad){{2 * (left + 700 * scale) / width - 1, 1 - 2 * (top + 300 * scale) / height,
                                 2 * CURSOR * scale / width, -2 * CURSOR * scale / height}};
    target_width = width;
    target_height = height;
    glBindSampler(0, across == WIDTH && down == HEIGHT ? exact : smooth);
}

static void draw(GLuint picture, GLuint pointer)
{
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glViewport(0, 0, target_width, target_height);
    glClear(GL_COLOR_BUFFER_BIT);
    glDisable(GL_BLEND);
    glBindTexture(GL_TEXTURE_2D, picture);
    glUniform4fv(place_location, 1, primary_quad.place);
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
    glEnable(GL_BLEND);
    glBindTexture(GL_TEXTURE_2D, pointer);
    glUniform4fv(place_location, 1, cursor_quad.place);
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
}

/* Ask for two planes. No file here answers the request, but the way into the kernel and back is the same. */
static void poll_planes(void)
{
    for (uint32_t plane = 0; plane < 2; plane++) {
        uint32_t query[16] = {sizeof query, 2, plane};
        if (!ioctl(cursor.fd, QUERY_GFX_PLANE, query))
            fail("an ioctl that no memfd has");
    }
}

static void cached(int frame)
{
    poll_planes();
    draw(primary[frame % BUFFERS].texture, cursor.texture);
}

static void composite(int frame)
{
    draw(primary[frame % BUFFERS].texture, cursor.texture);
}

static void reimport(int frame)
{
    struct buffer *b = &primary[frame % BUFFERS];
    detach(b);
    attach(b);
    draw(b->texture, cursor.texture);
}

static void copy(int frame)
{
    const struct buffer *b = &primary[frame % BUFFERS];
    poll_planes();
    upload(uploaded, b, b->memory);
    upload(uploaded_cursor, &cursor, cursor.memory);
    draw(uploaded, uploaded_cursor);
}

/* One framebuffer, without a cursor: so are the drivers that have regions. This program trusts that it stays mapped. */
static void region(int frame)
{
    (void)frame;
    poll_planes();
    upload(uploaded, &primary[0], primary[0].memory);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glViewport(0, 0, target_width, target_height);
    glClear(GL_COLOR_BUFFER_BIT);
    glDisable(GL_BLEND);
    glUniform4fv(place_location, 1, primary_quad.place);
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
}

static void capture(int frame)
{
    make_target(WIDTH, HEIGHT);
    composite(frame);
    glReadPixels(0, 0, WIDTH, HEIGHT, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    delete_target();
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void measure(void (*frame)(int), double seconds)
{
    int count = 0;
    for (int i = 0; i < 2 * BUFFERS; i++) {
        frame(i);
        glFinish();
    }
    int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID), begin = now(CLOCK_MONOTONIC);
    int64_t end = begin + (int64_t)(seconds * 1e9);
    while (begin < end && count < MOST_FRAMES) {
        frame(count);
        glFinish();
        int64_t after = now(CLOCK_MONOTONIC);
        samples[count++] = after - begin;
        begin = after;
    }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (glGetError() || !count)
        fail("a frame");
    qsort(samples, count, sizeof *samples, by_value);
    printf("%.3f %.3f %.3f %d\n", samples[(count - 1) / 2] / 1e3, samples[(99 * count + 99) / 100 - 1] / 1e3,
           cpu / 1e3 / count, count);
}

static void answer(const char *name, int width, int height, double seconds)
{
    static const struct {
        const char *name;
        void (*frame)(int);
        int imports;
    } cases[] = {
        {"cached", cached, 1}, {"composite", composite, 1}, {"reimport", reimport, 1},
        {"copy", copy, 0}, {"region", region, 0}, {"region-vanishing", region, 0}, {"capture", capture, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name, name))
            continue;
        if (cases[i].imports && !imports) {
            puts("unavailable EGL does not import a memfd here");
            return;
        }
        lay_out(width, height);
        if (cases[i].frame == capture) {
            measure(capture, seconds);
            return;
        }
        make_target(width, height);
        measure(cases[i].frame, seconds);
        delete_target();
        return;
    }
    puts("unavailable no such case");
}

static void start(void)
{
    const EGLint attributes[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE};
    PFNEGLGETPLATFORMDISPLAYEXTPROC get_display = (void *)eglGetProcAddress("eglGetPlatformDisplayEXT");
    create_image = (void *)eglGetProcAddress("eglCreateImageKHR");
    destroy_image = (void *)eglGetProcAddress("eglDestroyImageKHR");
    image_target_texture = (void *)eglGetProcAddress("glEGLImageTargetTexture2DOES");
    if (!get_display || !create_image || !destroy_image || !image_target_texture)
        fail("eglGetProcAddress");
    display = get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    if (!display || !eglInitialize(display, NULL, NULL))
        fail("eglInitialize");
    eglBindAPI(EGL_OPENGL_ES_API);
    EGLContext context = eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
    if (!context || !eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context))
        fail("eglMakeCurrent");
    imports = !!strstr(eglQueryString(display, EGL_EXTENSIONS), "EGL_EXT_image_dma_buf_import_modifiers");
}

int main(void)
{
    GLuint vertices;
    char name[32];
    int width, height;
    double seconds;

    start();
    glGenVertexArrays(1, &vertices);
    glBindVertexArray(vertices);
    make_program();
    smooth = make_sampler(GL_LINEAR);
    exact = make_sampler(GL_NEAREST);
    glBlendFunc(GL_ONE, GL_ONE_MINUS_SRC_ALPHA);
    glDisable(GL_DITHER);
    for (int i = 0; i < BUFFERS; i++)
        make_buffer(&primary[i], WIDTH, HEIGHT, XR24, i);
    make_buffer(&cursor, CURSOR, CURSOR, AR24, 0);
    uploaded = upload_texture(&primary[0]);
    uploaded_cursor = upload_texture(&cursor);
    for (int i = 0; i < BUFFERS && imports; i++)
        attach(&primary[i]);
    if (imports)
        attach(&cursor);
    pixels = malloc((size_t)WIDTH * HEIGHT * 4);
    if (!pixels)
        fail("malloc");
    if (glGetError())
        fail("the preparation");
    puts((const char *)glGetString(GL_RENDERER));
    fflush(stdout);
    while (scanf("%31s %d %d %lf", name, &width, &height, &seconds) == 4) {
        answer(name, width, height, seconds);
        fflush(stdout);
    }
    return 0;
}
