"""What a simulated device is told to be: the words after ``sim:``, and the faults among them."""
