"""EGL and OpenGL ES: import, textures, compositing, capture. No Qt."""
