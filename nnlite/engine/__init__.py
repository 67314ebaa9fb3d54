"""What makes training fast on the processor at hand."""
