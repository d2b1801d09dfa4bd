"""The program itself on the real drivers: its command line, its parts in this process, its window."""
