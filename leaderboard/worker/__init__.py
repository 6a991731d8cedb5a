"""A verification run on its machine: the child process, its folders and events, the worker's heartbeat."""
