"""The same networks and training steps in PyTorch, as a careful user of it would write them for a CPU."""
