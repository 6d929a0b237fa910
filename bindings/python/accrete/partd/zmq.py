"""A store that one process has and others use, over ZeroMQ."""
raise ImportError("not yet")
