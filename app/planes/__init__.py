"""What a source shows: planes, their buffers, frames and states; and where a picture lies in a window."""
