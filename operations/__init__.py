"""What whoever runs the archive does by hand, from a laptop with AWS credentials. Nothing here ships."""
