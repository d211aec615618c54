"""What is recorded beside a run."""
