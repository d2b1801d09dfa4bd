"""The simulated drivers: they answer each request like GVT-g, mbochs and mdpy."""
