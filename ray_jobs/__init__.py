"""Jobs for a Ray cluster: training the base model, distilling, and a local Ray to run them on."""
