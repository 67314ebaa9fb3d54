"""The processes that train one network together: what they can do, and what they must have in common."""
