"""A doctor for trainings: it examines the data, and the network before, during and after training."""
