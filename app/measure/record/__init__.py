"""What is recorded of frames and inputs, as histograms, documents and files."""
