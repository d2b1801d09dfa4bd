"""What a viewer asks of a console: keys, pointer, touch, and a resolution."""
