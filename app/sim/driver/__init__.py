"""The drivers of simulated devices: the answers of GVT-g, mbochs and mdpy to each request."""
