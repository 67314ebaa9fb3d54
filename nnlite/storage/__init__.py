"""Save and load networks and trainings."""
