"""Other engines' names and shapes, and nowhere else."""
