"""The specification of a simulated device: the text after ``sim:``, with its faults."""
