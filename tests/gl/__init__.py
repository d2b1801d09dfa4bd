"""OpenGL on software Mesa: one surfaceless context, memfds for dma-bufs."""
