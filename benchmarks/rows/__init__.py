"""The rows of the comparison, a module for each: ``measure(session)`` fills the session's results."""
