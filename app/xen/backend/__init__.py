"""One device of a guest that this end serves: states in xenstore, rings, directories, the thread."""
