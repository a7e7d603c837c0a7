"""What the painter holds in the hand: brushes, the ways of using them, and what to paint."""
