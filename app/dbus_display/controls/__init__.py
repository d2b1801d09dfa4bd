"""What a viewer asks of a console and its VM: keys, pointer, touch, a resolution, and the clipboard."""
