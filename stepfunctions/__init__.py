"""What brings a stage up on AWS and down again. Nothing here ships to Lambda."""
