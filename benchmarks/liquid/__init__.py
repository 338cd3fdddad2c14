"""What liquid layers can and cannot do: gaps longer than trained, a bit kept for long, noise."""
